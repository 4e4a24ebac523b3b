"""Activations and their slopes, in the field's notation."""

from __future__ import annotations

FORMULAS: dict[str, tuple[str, str]] = {
    "sigmoid": (r"\sigma(z) = \frac{1}{1 + e^{-z}}", r"\sigma'(z) = \sigma(z)\,(1 - \sigma(z))"),
    "tanh": (r"f(z) = \tanh z", r"f'(z) = 1 - \tanh^2 z"),
    "relu": (r"f(z) = \max(0, z)", r"f'(z) = 1 \text{ if } z > 0 \text{, else } 0"),
    "leaky_relu": (r"f(z) = \max(0, z) + 0.01 \min(0, z)", r"f'(z) = 1 \text{ if } z > 0 \text{, else } 0.01"),
    "elu": (r"f(z) = \max(0, z) + e^{\min(0, z)} - 1", r"f'(z) = \min(1, e^{z})"),
    "selu": (
        r"f(z) = \lambda\,(\max(0, z) + \alpha\,(e^{\min(0, z)} - 1))",
        r"f'(z) = \lambda \text{ if } z > 0 \text{, else } \lambda\,\alpha\,e^{z}",
    ),
    "gelu": (r"f(z) = z\,\Phi(z)", r"f'(z) = \Phi(z) + z\,\varphi(z)"),
    "silu": (r"f(z) = z\,\sigma(z)", r"f'(z) = \sigma(z)\,(1 + z\,(1 - \sigma(z)))"),
    "softplus": (r"f(z) = \ln(1 + e^{z})", r"f'(z) = \sigma(z)"),
    "softsign": (r"f(z) = \frac{z}{1 + |z|}", r"f'(z) = \frac{1}{(1 + |z|)^2}"),
    "sine": (r"f(z) = \sin z", r"f'(z) = \cos z"),
    "identity": (r"f(z) = z", r"f'(z) = 1"),
}
"""By torch's name: f, and f'."""
