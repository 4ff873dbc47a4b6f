"""Decoded frames: pictures with their timestamps and where every part of them comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bitstream.quantiser import QUANTISER_COUNT, step_latent

from ..models.runtime import AutoencoderRuntime
from ..provenance import covering_latents, provenance_map
from .diffusion import DiffusionRestoration
from .latents import DecodedLatents, LatentStream
from .read_ahead import read_ahead
from .restoration import IdentityRestoration, Restoration

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
    """Turns the latents of a stream into pictures, one at a time: restoration, then the autoencoder's decoder.

    Networks round otherwise in batches of another size, so there are none: a picture is the same to the last bit whether one came to
    it in order or by a jump.  From 352×288 on a batch would save nothing.

    restoration: one to use instead of the bundle's own.  steps, seed, restore: for the bundle's, see ``videocodec.decode``.  runtime: an
    autoencoder that is loaded already; ``device`` and ``threads`` then are its own.
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
        runtime: AutoencoderRuntime | None = None,
    ) -> None:
        self._stream = stream
        self._runtime = runtime or AutoencoderRuntime(stream.bundle, device, threads)
        self._restoration = restoration or self._choose(steps, seed, restore)
        self._steps = np.array([step_latent(q) for q in range(QUANTISER_COUNT)], dtype=np.float32)

    def _choose(self, steps: int, seed: int, restore: bool) -> Restoration:
        if not restore or not self._stream.bundle.has_unet:
            return IdentityRestoration()
        return DiffusionRestoration(self._stream.bundle, self._stream.header, self._runtime.device, steps, seed)

    @property
    def restores(self) -> bool:
        """Whether pictures are of restored latents rather than of the decoded ones."""
        return not isinstance(self._restoration, IdentityRestoration)

    @property
    def runtime(self) -> AutoencoderRuntime:
        """The autoencoder, for other decoders of the same stream."""
        return self._runtime

    @property
    def reach(self) -> int:
        """How many frames before and after a frame, as far as they are in its group of pictures, a picture is made of."""
        return self._restoration.reach

    def frames(self, first: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames ``first`` to ``stop`` (excluded; None: the end) in display order.  Decoding starts at the keyframe before ``first``."""
        reach, following = self.reach, first
        window: list[DecodedLatents] = []
        for latents in read_ahead(self._stream.frames(first), _FRAMES_AHEAD):
            if latents.index < first - reach:
                continue  # needed only to get here
            window.append(latents)
            if following <= latents.index - reach:
                yield self.picture(window, following - window[0].index)
                following += 1
                if following == stop:
                    return
                # Keep the neighbours that the next frame looks back at.
                window = window[max(0, following - reach - window[0].index) :]
        begin = window[0].index if window else following
        for index in range(following, begin + len(window) if stop is None else min(stop, begin + len(window))):
            yield self.picture(window, index - begin)

    def picture(self, window: list[DecodedLatents], position: int) -> Frame:
        """The picture of ``window[position]``.  ``window``: frames in display order without gaps, those within ``reach`` or all there
        are in its group of pictures."""
        header, frame = self._stream.header, window[position]
        torch.get_num_threads()  # PyTorch gives a new thread the number of threads that was set only when asked, and sums depend on it
        restored = self._restoration.restore(window, position, 1)
        steps = self._steps[frame.quantiser_map[None]]
        (picture,) = self._runtime.decode(restored, steps, header.height, header.width)
        return Frame(
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
