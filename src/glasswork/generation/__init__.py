"""Sampling: what trained networks make."""
