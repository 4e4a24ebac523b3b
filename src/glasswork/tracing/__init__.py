"""Run any nn.Module once and keep what happened."""
