"""Where the second autoencoder starts without weights: at the principal components of blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...networks.second.codec import SecondCodec

_BLOCK = 8  # px
_SAMPLES = 8000
# Of the linear path: a step of 1 is then about as fine as the first autoencoder's.
_SCALE = 0.9
# One step for all channels, with a dead zone, kills weak colours and leaves flat areas in 8 px
# squares: block means are coded finer from the start, those of colour finest.
_LUMA_MEAN_GAIN, _COLOUR_MEAN_GAIN = 1.4, 2.2


@torch.no_grad()
def start_from_principal_components(
    codec: SecondCodec, pictures: Sequence[np.ndarray], seed: int = 0
) -> None:
    """Set the linear paths by blocks of pictures, RGB uint8 (H, W, 3)."""
    channels = codec.shape.channels
    components = principal_components(pictures, seed)[:channels]
    gain = _gains(components)[:, None]
    for weight, values in (
        (codec.encoder.linear.weight, components * _SCALE * gain),
        (codec.decoder.linear.weight, components / _SCALE / gain),
    ):
        weight.copy_(torch.from_numpy(values.copy()).float().reshape(channels, 3, _BLOCK, _BLOCK))


def principal_components(pictures: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
    """Of blocks of 8×8 px, RGB in [-1, 1], plane after plane: (192, 192) by falling energy."""
    rng, blocks = np.random.default_rng(seed), []
    for _ in range(_SAMPLES):
        picture = pictures[int(rng.integers(len(pictures)))]
        y, x = (int(rng.integers(side - _BLOCK + 1)) for side in picture.shape[:2])
        block = picture[y : y + _BLOCK, x : x + _BLOCK].transpose(2, 0, 1)
        blocks.append(block.reshape(-1) / 127.5 - 1)
    centred = np.array(blocks) - np.mean(blocks, 0)
    # Eigenvectors of the largest eigenvalues, which come last.
    components: np.ndarray = np.linalg.eigh(centred.T @ centred)[1].T[::-1]
    return components


def _gains(components: np.ndarray) -> np.ndarray:
    """(C,): of components that are means of blocks more than 1."""
    means = components.reshape(len(components), 3, _BLOCK**2).sum(2) / _BLOCK
    energy = (means**2).sum(1)
    is_luma = np.abs(means.sum(1)) / np.sqrt(3 * energy + 1e-9) > 0.8
    return np.where(energy > 0.4, np.where(is_luma, _LUMA_MEAN_GAIN, _COLOUR_MEAN_GAIN), 1.0)
