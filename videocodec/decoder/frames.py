"""From the latents of a stream to its frames: pictures with all that is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bitstream.container import FileSource, SharedFile

from ..checks import check_whole_number
from ..cores import usable_cores
from ..decoded import QUANTISER_STEPS, DecodedLatents, FrameKind
from ..models.attached import errors_of
from ..models.picture_makers import FloatPictures, PictureMaker
from ..read_ahead import read_ahead
from ..restoration.settings import RestorationSettings
from .batches import Batch, batches
from .concealment import GREY, concealed_frames
from .frame import Frame
from .latents import LatentStream
from .picture_choice import Pictures, exact_pictures
from .restoration_choice import own_restoration, restores
from .reuse import PictureReuse
from .showing import Showing

if TYPE_CHECKING:  # exact pictures do without PyTorch
    import torch

    from ..models.runtime import AutoencoderRuntime
    from ..restoration.base import AutoencoderInput, Restoration

_MOST_IN_BATCH = 16
_BATCH_PIXELS = _MOST_IN_BATCH * 512 * 288
FRAMES_AHEAD = 16  # entropy decoding gives whole groups of up to 16 frames at once


def batch_size_for(device: torch.device, pixels: int) -> int:
    """Frames of so many pixels that go through the networks together: enough to keep an accelerator
    busy, and to fit into its memory.
    """
    return 1 if device.type == "cpu" else min(_MOST_IN_BATCH, max(1, _BATCH_PIXELS // pixels))


class PictureDecoder:
    """Turns the latents of a stream into pictures: restoration, then the autoencoder's decoder.

    Frames go through the networks in fixed batches (``batches``) of ``batch_size``: one on CPUs,
    where more would save nothing from 352×288 on.

    Where pictures are made one by one of latents that nothing restores, what did not change since
    the last one is not made again (``reuse``), if it is known how far networks see.

    restoration: one to use instead of the bundle's own, and the one that is used; None where none
    is needed; settings: of the bundle's.  runtime: an autoencoder
    that is loaded already; ``device`` and ``threads`` then are its own.  pictures: "exact" for the
    same bytes on every machine, by the integer networks of the stream's loop, without PyTorch;
    "float" by the autoencoder; "auto" for exact ones where they can be had and networks run on the
    CPU.  follows_words: whether the captions of the stream condition the restoration.  shown: the
    stream's header with the size at which pictures are shown.  reuse: None where every picture is
    made as a whole.

    Raises ``SettingsError`` for exact pictures that cannot be had.
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
        pictures: Pictures = "auto",
    ) -> None:
        self._stream, self.follows_words = stream, False
        self._device = device if runtime is None else runtime.device.type
        filters = settings.restore and pictures != "exact"
        self._showing = Showing(stream, self._device, threads, filters=filters)
        self.shown = self._showing.header
        self.threads, self._runtime = threads, runtime
        if threads is not None:
            check_whole_number("threads", threads, 1)
        is_plain = not restores(stream, restoration, settings)
        self._exact = exact_pictures(stream, pictures, self._device, restores=not is_plain)
        self.restoration, self.batch_size = restoration, 1
        self._maker: PictureMaker | None = self._exact
        if self._exact is None:
            device_used = self.runtime.device
            if restoration is None:
                self.restoration, self.follows_words = own_restoration(
                    stream, settings, device_used
                )
            pixels = stream.header.padded_width * stream.header.padded_height
            self.batch_size = batch_size_for(device_used, pixels)
            self._maker = FloatPictures(self.runtime) if is_plain else None
        self.reuse: PictureReuse | None = None
        if self._maker is not None and self._maker.reach is not None and self.batch_size == 1:
            self.reuse = PictureReuse(self._maker, *self._showing.coded_size)

    @property
    def is_exact(self) -> bool:
        """Whether pictures are the same bytes on every machine."""
        return self.decodes_exactly and not self._showing.makes_up_detail

    @property
    def decodes_exactly(self) -> bool:
        """Whether pictures are made by integer networks at the size at which they are coded."""
        return self._exact is not None

    @property
    def restores(self) -> bool:
        """Whether pictures are of restored latents rather than of the decoded ones."""
        if self.restoration is None:
            return False
        from ..restoration.base import IdentityRestoration

        return not isinstance(self.restoration, IdentityRestoration)

    @property
    def runtime(self) -> AutoencoderRuntime:
        """The autoencoder, for other decoders of the same stream; loaded when it is wanted."""
        if self._runtime is None:
            with errors_of(self._stream.bundle, self._stream.path):
                from ..models.runtime import AutoencoderRuntime

                self._runtime = AutoencoderRuntime(self._stream.bundle, self._device, self.threads)
        return self._runtime

    @property
    def loaded_runtime(self) -> AutoencoderRuntime | None:
        """The same if it was wanted."""
        return self._runtime

    @property
    def reach(self) -> int:
        """How many frames before and after a frame, as far as they are in its GOP, a picture is
        made of.
        """
        return 0 if self.restoration is None else self.restoration.reach

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
        if conceal:
            latents = concealed_frames(self._stream, first, pictures=self.decodes_exactly)
        else:
            latents = self._stream.frames(first, pictures=self.decodes_exactly)
        threads = self.threads or usable_cores()
        ahead = latents if threads == 1 else read_ahead(latents, FRAMES_AHEAD, threads - 2)
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
        if self.reuse is not None or self.decodes_exactly:
            return [self.frame_of(latents, None) for latents in chosen]
        decoded = self.decoded(self.restored(window, batch))
        return [
            self._frame(latents, picture) for latents, picture in zip(chosen, decoded, strict=True)
        ]

    def restored(self, window: list[DecodedLatents], batch: range) -> AutoencoderInput:
        """What the pictures of a batch are made of; arguments as of ``pictures``, no frame of it
        concealed.
        """
        from ..models.threads import settle_threads
        from ..restoration.base import IdentityRestoration

        settle_threads()
        restoration = self.restoration or IdentityRestoration()
        return restoration.restore_on(self.runtime.device, window, batch.start, len(batch))

    def decoded(self, restored: AutoencoderInput) -> np.ndarray:
        """The pictures (B, H, W, 3) uint8 RGB of what ``restored`` gives, at the size at which they
        are shown.
        """
        pictures = self.runtime.decode(*restored, *self._showing.coded_size)
        steps = restored.steps.cpu().numpy()
        shown = map(self._showing.picture, pictures, steps)
        return np.stack(list(shown))

    def frame_of(self, latents: DecodedLatents, restored: AutoencoderInput | None) -> Frame:
        """The frame of latents and of what ``restored`` gave for them alone, which may be None for
        a concealed one and where nothing restores.
        """
        if latents.kind == FrameKind.CONCEALED:
            return self._concealed(latents)
        if self.reuse is not None or self._exact is not None:
            return self._frame(latents, self._shown_by_itself(latents))
        if restored is None:
            restored = self.restored([latents], range(1))
        return self._frame(latents, self.decoded(restored)[0])

    def _shown_by_itself(self, latents: DecodedLatents) -> np.ndarray:
        """A picture that nothing restores, at the size at which it is shown."""
        steps = QUANTISER_STEPS[latents.quantiser_map]
        return self._showing.picture(self._by_itself(latents), steps)

    def _by_itself(self, latents: DecodedLatents) -> np.ndarray:
        """The same at the size at which it is coded."""
        if self.reuse is not None:
            return self.reuse.picture(latents, latents.picture)
        assert self._exact is not None
        height, width = self._showing.coded_size
        if latents.picture is not None:
            return latents.picture[:height, :width].copy()
        return self._exact.whole(latents.latent.latents, latents.quantiser_map, height, width)

    def _concealed(self, latents: DecodedLatents) -> Frame:
        if latents.concealment == GREY:
            return self._frame(latents, self._showing.grey())
        if self._exact is not None:
            return self._frame(latents, self._shown_by_itself(latents))
        from ..restoration.base import IdentityRestoration

        unrestored = IdentityRestoration().restore_on(self.runtime.device, [latents], 0, 1)
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
    pictures: Pictures = "auto",
) -> Iterator[Frame]:
    """Decode a latent-video file frame by frame, in display order; arguments as of
    ``videocodec.decode``, or a restoration of your own.

    conceal: put concealed frames (``Frame.kind``) in the place of lost ones, and end where a file
    is cut short, instead of raising.

    Raises ``BitstreamError`` or ``VideoCodecError``, and ``ValueError`` for settings.
    """
    opened = SharedFile.of(source)
    stream = LatentStream(
        opened,
        model,
        force_model=force_model,
        coded_size=coded_size,
        scale=scale,
        makes_up=pictures != "exact",
    )
    settings = RestorationSettings(steps, seed, restore)
    decoder = PictureDecoder(
        stream, device, threads, restoration, settings=settings, pictures=pictures
    )
    yield from decoder.frames(conceal=conceal)
