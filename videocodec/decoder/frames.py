"""Decoded frames: pictures with their timestamps and where every part of them comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from bitstream.quantiser import QUANTISER_COUNT, step_latent

from ..models.runtime import AutoencoderRuntime
from ..provenance import covering_latents, provenance_map
from .diffusion import DiffusionRestoration
from .latents import DecodedLatents, LatentStream
from .read_ahead import read_ahead
from .restoration import IdentityRestoration, Restoration

_BATCH_PIXELS = 2 * 512 * 288
_FRAMES_AHEAD = 16  # entropy decoding gives whole groups of up to 16 frames at once


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    data (3, H, W) uint8 RGB; pts_seconds, duration_seconds; kind "keyframe" or "inter"; bytes of the stream it took
    (its share of the access unit); provenance (ceil(H / 8), ceil(W / 8)) uint8, for each latent that covers
    some of the picture an index into ``PROVENANCE_NAMES``; index 0.. in display order; pts, duration in ticks of the stream's time base.
    """

    data: np.ndarray
    pts_seconds: float
    duration_seconds: float
    kind: str
    bytes: int
    provenance: np.ndarray
    index: int
    pts: int
    duration: int

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.shape[0] != 3 or self.data.dtype != np.uint8:
            raise ValueError(f"data must be (3, H, W) uint8, got shape {self.data.shape} {self.data.dtype}")
        grid = covering_latents(*self.data.shape[1:])
        if self.provenance.shape != grid or self.provenance.dtype != np.uint8:
            raise ValueError(f"provenance must be {grid} uint8, got shape {self.provenance.shape} {self.provenance.dtype}")


class PictureDecoder:
    """Turns the latents of a stream into pictures: restoration, then the autoencoder's decoder, in batches.

    restoration: one to use instead of the bundle's own.  steps, seed, restore: for the bundle's, see ``videocodec.decode``.
    """

    def __init__(
        self,
        stream: LatentStream,
        device: str = "auto",
        threads: int | None = None,
        restoration: Restoration | None = None,
        *,
        steps: int = 1,
        seed: int = 0,
        restore: bool = True,
    ) -> None:
        self._stream = stream
        self._runtime = AutoencoderRuntime(stream.bundle, device, threads)
        self._restoration = restoration or self._choose(steps, seed, restore)
        pixels = stream.header.padded_width * stream.header.padded_height
        self.batch_size = max(1, _BATCH_PIXELS // pixels)

    def _choose(self, steps: int, seed: int, restore: bool) -> Restoration:
        if not restore or not self._stream.bundle.has_unet:
            return IdentityRestoration()
        return DiffusionRestoration(self._stream.bundle, self._stream.header, self._runtime.device, steps, seed)

    @property
    def restores(self) -> bool:
        """Whether pictures are of restored latents rather than of the decoded ones."""
        return not isinstance(self._restoration, IdentityRestoration)

    def frames(self) -> Iterator[Frame]:
        """All frames in display order."""
        latents = read_ahead(self._stream.frames(), _FRAMES_AHEAD)
        reach = self._restoration.reach
        window: list[DecodedLatents] = list(islice(latents, self.batch_size + reach))
        first = 0
        while first < len(window):
            count = min(self.batch_size, len(window) - first)
            yield from self._pictures(window, first, count)
            # Keep the neighbours the next batch looks back at, and read as many new frames as were given out.
            drop = max(0, first + count - reach)
            window, first = window[drop:] + list(islice(latents, count)), first + count - drop

    def _pictures(self, window: list[DecodedLatents], first: int, count: int) -> Iterator[Frame]:
        header = self._stream.header
        restored = self._restoration.restore(window, first, count)
        chosen = window[first : first + count]
        table = np.array([step_latent(q) for q in range(QUANTISER_COUNT)], dtype=np.float32)
        steps = table[np.stack([frame.quantiser_map for frame in chosen])]
        for frame, picture in zip(chosen, self._runtime.decode(restored, steps, header.height, header.width)):
            yield Frame(
                data=picture.transpose(2, 0, 1),
                pts_seconds=float(frame.pts * header.time_base),
                duration_seconds=float(frame.duration * header.time_base),
                kind=frame.kind,
                bytes=round(frame.byte_share),
                provenance=provenance_map(frame.latent.fields.modes, header),
                index=frame.index,
                pts=frame.pts,
                duration=frame.duration,
            )


def decode_frames(
    source: str | Path,
    *,
    model: str | Path | None = None,
    steps: int = 1,
    seed: int = 0,
    restore: bool = True,
    device: str = "auto",
    threads: int | None = None,
    restoration: Restoration | None = None,
) -> Iterator[Frame]:
    """Decode a latent-video file frame by frame, in display order; arguments as of ``videocodec.decode``, or a restoration of your own.

    Raises ``BitstreamError`` or ``VideoCodecError``, and ``ValueError`` for settings.
    """
    stream = LatentStream(source, model)
    yield from PictureDecoder(stream, device, threads, restoration, steps=steps, seed=seed, restore=restore).frames()
