"""What ``tools/bench/restoration.py`` compares restorations with: an oracle that knows the source,
and generated blocks left as predicted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.decoded import DecodedLatents
from videocodec.decoder.latents import LatentStream
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.restoration.base import Restoration


class LeftAsPredicted(Restoration):
    """Another restoration, whose result is not taken in generated blocks."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration, self.reach = restoration, restoration.reach

    reach = 0

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """The other's latents, with the decoded ones where the stream says generate."""
        restored = self._restoration.restore(window, first, count)
        for out, frame in zip(restored, window[first : first + count], strict=True):
            block = out.shape[1] // frame.latent.fields.modes.shape[0]
            mask = to_positions(frame.latent.fields.modes == Mode.GENERATE, block)
            out[:, mask] = frame.latent.latents[:, mask]
        return restored


class Oracle(Restoration):
    """Takes a share of the error off every latent: knows those of the source, (T, C, h, w) in units
    of the stream.
    """

    reach = 0

    def __init__(self, source: np.ndarray, share: float) -> None:
        self._source, self._share = source, share

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """Between what was decoded and the source."""
        chosen = window[first : first + count]
        decoded = np.stack([frame.latent.latents for frame in chosen]).astype(np.float32)
        return decoded + np.float32(self._share) * (
            self._source[[frame.index for frame in chosen]] - decoded
        )


def source_latents(
    stream: LatentStream, pictures: list[np.ndarray], device: str, threads: int
) -> np.ndarray:
    """(T, C, h, w) float32: what the autoencoder makes of the source, in units of the stream."""
    runtime, header = AutoencoderRuntime(stream.bundle, device, threads), stream.header
    each = [
        runtime.encode(picture[None], header.padded_height, header.padded_width)
        for picture in pictures
    ]
    return np.concatenate(each) * np.float32(UNITS_PER_LATENT)


def generated_frames(file: Path, model: str) -> set[int]:
    """Indices of the frames with generated blocks."""
    return {
        f.index
        for f in LatentStream(file, model).frames()
        if (f.latent.fields.modes == Mode.GENERATE).any()
    }
