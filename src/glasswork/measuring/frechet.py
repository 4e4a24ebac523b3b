"""How far two clouds of vectors are from each other, as if each were a Gaussian.

M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule...", 2017, https://arxiv.org/abs/1706.08500, equation 6.
Its "FID" is this distance in the features of one Inception network; in other features, figures can't be compared.
"""

from __future__ import annotations

from torch import Tensor, linalg


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2)), m being the means, C the covariances.

    Args:
        a, b: (N, F) and (M, F); it is worked out in double precision.

    Raises:
        ValueError: fewer than two vectors.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError("a covariance needs two vectors or more")
    a, b = a.double(), b.double()
    of_a, of_b = a.T.cov(correction=1), b.T.cov(correction=1)
    if of_a.ndim == 0:  # of one feature
        of_a, of_b = of_a.reshape(1, 1), of_b.reshape(1, 1)
    values, vectors = linalg.eigh(of_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    # C_a C_b has the eigenvalues of the symmetric root C_b root
    shared = linalg.eigvalsh(root @ of_b @ root).clamp(min=0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float((apart + of_a.trace() + of_b.trace() - 2 * shared).clamp(min=0))
