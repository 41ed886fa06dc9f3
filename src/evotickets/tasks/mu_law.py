"""Samples of sound in 256 codes, fine where it is quiet and coarse where it is loud (μ-law).

Source: ITU-T G.711, in the continuous form of van den Oord et al. (2016), "WaveNet", §2.2.
"""

import numpy as np

CODES = 256
SILENCE = 128
"""The code of 0."""


def companded(samples: np.ndarray) -> np.ndarray:
    """Return sign(x) · ln(1 + 255 |x|) / ln 256 of samples in [−1, 1]."""
    return np.sign(samples) * np.log1p((CODES - 1) * np.abs(samples)) / np.log(CODES)


def encode(samples: np.ndarray) -> np.ndarray:
    """Return the codes, uint8, of samples; what lies outside [−1, 1] is cut off."""
    levels = (companded(np.clip(samples, -1, 1)) + 1) / 2 * (CODES - 1)
    return np.floor(levels + 0.5).astype(np.uint8)


def decode(codes: np.ndarray) -> np.ndarray:
    """Return the samples in [−1, 1] that codes stand for."""
    values = 2 * np.asarray(codes, np.float64) / (CODES - 1) - 1
    return np.sign(values) * (np.exp(np.abs(values) * np.log(CODES)) - 1) / (CODES - 1)
