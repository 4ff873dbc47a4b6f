"""How near concealed pictures come to those that were lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videocodec import VideoReader
from videocodec.decoder.concealment import conceal


@dataclass(frozen=True)
class Quality:
    """Mean PSNR of RGB, dB, of concealed pictures against those that an intact stream decodes to,
    by method; ``length`` frames lost.
    """

    length: int
    pictures: int
    interpolated: float
    repeated: float
    grey: float


def measure_quality(
    coded: Path, lengths: Sequence[int], *, places: int = 8, pictures_each: int = 3
) -> list[Quality]:
    """Take runs of so many frames out of a stream, at ``places`` places, and compare some frames of
    each.
    """
    with VideoReader(
        coded, device="cpu", threads=1, read_ahead=False, memory_limit=1 << 30
    ) as video:
        return [_quality(video, length, places, pictures_each) for length in lengths]


def _quality(video: VideoReader, length: int, places: int, pictures_each: int) -> Quality:
    decoder, index = video._core.networks.decoder(video.settings), video.index
    scores: dict[str, list[float]] = {"interpolated": [], "repeated": [], "grey": []}
    for first in np.linspace(1, len(video) - length - 2, places).astype(int).tolist():
        before, after = video.latent_frame(first - 1), video.latent_frame(first + length)
        sides = {
            "interpolated": (before, after),
            "repeated": (before, None),
            "grey": (None, None),
        }
        chosen = np.linspace(first, first + length - 1, pictures_each).astype(int)
        for number in np.unique(chosen).tolist():
            truth = video[number].data
            for method, (left, right) in sides.items():
                latents = conceal(index, number, left, right, index.header)
                picture = decoder.pictures([latents], range(1))[0].data
                error = np.mean((picture.astype(np.float64) - truth) ** 2)
                scores[method].append(100.0 if error == 0 else 10 * np.log10(255**2 / error))
    return Quality(
        length, len(scores["grey"]), *(float(np.mean(values)) for values in scores.values())
    )
