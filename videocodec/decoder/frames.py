"""Decoded frames: pictures with their timestamps and where every part of them comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bitstream.container import FileSource, SharedFile

from ..decoded import DecodedLatents, FrameKind
from ..forking import forked_after_pytorch
from ..models.attached import errors_of
from ..models.runtime import AutoencoderRuntime
from ..provenance import covering_latents
from ..restoration.base import AutoencoderInput, IdentityRestoration, Restoration
from ..restoration.diffusion import DiffusionRestoration
from ..restoration.settings import RestorationSettings
from ..restoration.words import Words, captions_that_count
from .batches import Batch, batches
from .concealment import GREY, concealed_frames
from .latents import LatentStream
from .read_ahead import read_ahead
from .reuse import PictureReuse
from .showing import Showing

_MOST_IN_BATCH = 16
_BATCH_PIXELS = _MOST_IN_BATCH * 512 * 288
FRAMES_AHEAD = 16  # entropy decoding gives whole groups of up to 16 frames at once


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    data (3, H, W) uint8: RGB.
    pts_seconds, duration_seconds: when it is shown, and for how long.
    kind: "keyframe", "inter", "concealed" for one that stands in for a lost frame, or
    "interpolated" for one made up for a time between two coded ones.
    bytes: of the stream that it took (its share of the access unit).
    provenance (ceil(H / 8), ceil(W / 8)) uint8: for each latent that covers some of the picture, or
    each 8 px of one that was coded smaller, an index into ``PROVENANCE_NAMES``.
    index: 0.. in display order; of an interpolated one, that of the coded frame before it.
    pts, duration: ticks of the stream's time base, rounded down for an interpolated one.
    concealment: of a concealed one, "interpolated" or "repeated" from the nearest frames that are
    right, or "grey".
    """

    data: np.ndarray
    pts_seconds: float
    duration_seconds: float
    kind: FrameKind
    bytes: int
    provenance: np.ndarray
    index: int
    pts: int
    duration: int
    concealment: str | None = None

    def to_torch(self) -> torch.Tensor:
        """The picture as a tensor (3, H, W) uint8 on the CPU, contiguous, with memory of its
        own.
        """
        return torch.from_numpy(self.data.copy(order="C"))

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.shape[0] != 3 or self.data.dtype != np.uint8:
            raise ValueError(
                f"data must be (3, H, W) uint8, got shape {self.data.shape} {self.data.dtype}"
            )
        grid = covering_latents(*self.data.shape[1:])
        if self.provenance.shape != grid or self.provenance.dtype != np.uint8:
            raise ValueError(
                f"provenance must be {grid} uint8, got shape {self.provenance.shape}"
                f" {self.provenance.dtype}"
            )


def batch_size_for(device: torch.device, pixels: int) -> int:
    """Frames of so many pixels that go through the networks together: enough to keep an accelerator
    busy, and to fit into its memory.
    """
    return 1 if device.type == "cpu" else min(_MOST_IN_BATCH, max(1, _BATCH_PIXELS // pixels))


def _settle_thread_count() -> None:
    """PyTorch gives a new thread the number of threads that was set only when it is asked for that,
    and sums depend on it.  In a forked child that number is one.
    """
    if forked_after_pytorch():
        torch.set_num_threads(1)
    torch.get_num_threads()


class PictureDecoder:
    """Turns the latents of a stream into pictures: restoration, then the autoencoder's decoder.

    Frames go through the networks in fixed batches (``batches``) of ``batch_size``: one on CPUs,
    where more would save nothing from 352×288 on.

    Where pictures are made one by one of latents that nothing restores, what did not change since
    the last one is not made again (``reuse``), if the autoencoder's reach is known.

    restoration: one to use instead of the bundle's own; settings: of that.  runtime: an autoencoder
    that is loaded already; ``device`` and ``threads`` then are its own.  follows_words: whether the
    captions of the stream condition the restoration.  shown: the stream's header with the size at
    which pictures are shown.  reuse: None where every picture is made as a whole, which
    ``reuse_pictures`` False asks for.
    """

    def __init__(
        self,
        stream: LatentStream,
        device: str = "auto",
        threads: int | None = None,
        restoration: Restoration | None = None,
        *,
        settings: RestorationSettings = RestorationSettings(),
        runtime: AutoencoderRuntime | None = None,
        reuse_pictures: bool = True,
    ) -> None:
        self._stream, self.follows_words = stream, False
        self._showing = Showing(stream)
        self.shown = self._showing.header
        with errors_of(stream.bundle, stream.path):
            self._runtime = runtime or self._showing.runtime(stream, device, threads)
            self._restoration = restoration or self._choose(settings)
        self.batch_size = batch_size_for(
            self._runtime.device, stream.header.padded_width * stream.header.padded_height
        )
        self.reuse: PictureReuse | None = None
        if (
            reuse_pictures
            and self.batch_size == 1
            and self._runtime.reach is not None
            and type(self._restoration) is IdentityRestoration
        ):
            self.reuse = PictureReuse(self._runtime, *self._showing.made_size(self._runtime))

    def _choose(self, settings: RestorationSettings) -> Restoration:
        if not settings.restore or not self._stream.bundle.has_unet:
            return IdentityRestoration()
        stream, words = self._stream, None
        denoiser = stream.bundle.load_denoiser()
        captions = captions_that_count(stream.reader, stream.bundle.folder)
        self.follows_words = bool(captions and denoiser.prompt_width)
        if self.follows_words:
            words = Words.of(
                captions, stream.header.time_base, stream.bundle.folder, denoiser.prompt_width
            )
        return DiffusionRestoration(
            stream.bundle, stream.header, self._runtime.device, settings, denoiser, words=words
        )

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
        """How many frames before and after a frame, as far as they are in its GOP, a picture is
        made of.
        """
        return self._restoration.reach

    def frames(
        self, first: int = 0, stop: int | None = None, *, conceal: bool = False
    ) -> Iterator[Frame]:
        """Frames ``first`` to ``stop`` (excluded; None: the end) in display order.

        Decoding starts at the keyframe before ``first``.

        conceal: put concealed frames in the place of lost ones.
        """
        for batch in self.batches(first, stop, conceal=conceal):
            for frame in self.pictures(batch.window, batch.places):
                if first <= frame.index and (stop is None or frame.index < stop):
                    yield frame

    def batches(
        self, first: int = 0, stop: int | None = None, *, conceal: bool = False
    ) -> Iterator[Batch]:
        """The batches that hold frames ``first`` to ``stop`` (excluded; None: the end)."""
        latents = concealed_frames(self._stream, first) if conceal else self._stream.frames(first)
        ahead = read_ahead(latents, FRAMES_AHEAD)
        for batch in batches(ahead, self.batch_size, self.reach):
            if stop is not None and batch.first >= stop:
                return
            if batch.stop > first:
                yield batch

    def pictures(self, window: list[DecodedLatents], batch: range) -> list[Frame]:
        """The pictures of a batch, at those places of ``window``: frames in display order without
        gaps, which holds those within ``reach`` of them too, or all there are in their GOP.
        """
        chosen = window[batch.start : batch.stop]
        if chosen[0].kind == FrameKind.CONCEALED:
            return [self._concealed(latents) for latents in chosen]
        if self.reuse is not None:
            return [self.frame_of(latents, None) for latents in chosen]
        decoded = self.decoded(self.restored(window, batch))
        return [
            self._frame(latents, picture) for latents, picture in zip(chosen, decoded, strict=True)
        ]

    def restored(self, window: list[DecodedLatents], batch: range) -> AutoencoderInput:
        """What the pictures of a batch are made of; arguments as of ``pictures``, no frame of it
        concealed.
        """
        _settle_thread_count()
        return self._restoration.restore_on(self._runtime.device, window, batch.start, len(batch))

    def decoded(self, restored: AutoencoderInput) -> np.ndarray:
        """The pictures (B, H, W, 3) uint8 RGB of what ``restored`` gives, at the size at which they
        are shown.
        """
        _settle_thread_count()
        pictures = self._runtime.decode(*restored, *self._showing.made_size(self._runtime))
        return np.stack([self._showing.picture(picture) for picture in pictures])

    def frame_of(self, latents: DecodedLatents, restored: AutoencoderInput | None) -> Frame:
        """The frame of latents and of what ``restored`` gave for them alone, which may be None for
        a concealed one and where nothing restores.
        """
        if latents.kind == FrameKind.CONCEALED:
            return self._concealed(latents)
        _settle_thread_count()
        if self.reuse is not None:
            return self._frame(latents, self._showing.picture(self.reuse.picture(latents)))
        if restored is None:
            restored = IdentityRestoration().restore_on(self._runtime.device, [latents], 0, 1)
        return self._frame(latents, self.decoded(restored)[0])

    def _concealed(self, latents: DecodedLatents) -> Frame:
        if latents.concealment == GREY:
            return self._frame(latents, self._showing.grey())
        unrestored = IdentityRestoration().restore_on(self._runtime.device, [latents], 0, 1)
        return self._frame(latents, self.decoded(unrestored)[0])

    def _frame(self, latents: DecodedLatents, picture: np.ndarray) -> Frame:
        header = self._stream.header
        return Frame(
            data=picture.transpose(2, 0, 1),
            pts_seconds=float(latents.pts * header.time_base),
            duration_seconds=float(latents.duration * header.time_base),
            kind=latents.kind,
            bytes=round(latents.byte_share),
            provenance=self._showing.provenance(latents),
            index=latents.index,
            pts=latents.pts,
            duration=latents.duration,
            concealment=latents.concealment,
        )


def decode_frames(
    source: FileSource,
    *,
    model: str | Path | None = None,
    force_model: bool = False,
    steps: int = 1,
    seed: int = 0,
    restore: bool = True,
    device: str = "auto",
    threads: int | None = None,
    restoration: Restoration | None = None,
    conceal: bool = False,
    coded_size: bool = False,
    scale: int = 1,
) -> Iterator[Frame]:
    """Decode a latent-video file frame by frame, in display order; arguments as of
    ``videocodec.decode``, or a restoration of your own.

    conceal: put concealed frames (``Frame.kind``) in the place of lost ones, and end where a file
    is cut short, instead of raising.

    Raises ``BitstreamError`` or ``VideoCodecError``, and ``ValueError`` for settings.
    """
    opened = SharedFile.of(source)
    stream = LatentStream(
        opened, model, force_model=force_model, coded_size=coded_size, scale=scale
    )
    settings = RestorationSettings(steps, seed, restore)
    decoder = PictureDecoder(stream, device, threads, restoration, settings=settings)
    yield from decoder.frames(conceal=conceal)
