"""``videocodec.VideoReader``: frames of a latent-video file by number and by time, in any order."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from bitstream.errors import ContainerError

from ..checks import check_whole_number
from ..decoded import DecodedLatents
from ..decoder.picture_choice import Pictures, check_pictures
from ..errors import DamagedFrameError, FrameRangeError, SettingsError
from .batch import FrameBatch
from .core import ReaderCore
from .handle import ReaderHandle
from .latents_view import LatentsView
from .metadata import VideoMetadata
from .opening import Opening, ReaderSource, plain
from .selection import frame_number, frame_numbers

if TYPE_CHECKING:
    from ..decoder.frame import Frame
    from ..models.bundle import ModelBundle
from ..restoration.settings import RestorationSettings

DEFAULT_MEMORY_LIMIT = 512 << 20


class VideoReader(ReaderHandle):
    """A latent-video file as a sequence of frames.

        with VideoReader("clip.lv.mp4") as video:
            video[120].data              # (3, H, W) uint8 RGB
            video[-1], video[10:20:2]    # a slice is a list of frames
            video[[0, 50]]               # so is a list, an array or a tensor of numbers
            video.get_frame_at(3.5)      # the one shown at 3.5 s
            video.at_time(3.51, interpolate=True)  # made up for a time between two frames

    source: a path, the bytes of a file, or a binary file object that can seek, which stays open and
    which nobody else may read meanwhile.
    model, force_model, steps, seed, restore, device, threads: as of ``videocodec.decode``.
    memory_limit: bytes of decoded latents, pictures and decoder states that are kept for later;
    what is being worked on comes on top.
    read_ahead: whether a thread decodes what is likely asked for next.
    strict: refuse a file of which anything is damaged, instead of raising ``DamagedFrameError`` for
    the frames that are.
    conceal: give concealed frames (``Frame.kind``) and latents in their place, as
    ``videocodec.decode`` writes them.
    coded_size, scale, pictures ("auto", "exact" or "float"): as of ``videocodec.decode``.

    Any number of threads may use a reader.  Arrays that it hands out are the caller's own.
    Readers of a path or of bytes can be pickled and copied, which opens the file once more with the
    same settings; in a child made by ``fork`` they do so by themselves.

    Raises ``ContainerError``, ``UnsupportedVersionError``, ``ModelMismatchError``,
    ``UnknownModelError``, ``SettingsError`` when opened; ``FrameRangeError`` (an ``IndexError``),
    ``DamagedFrameError``, ``DeviceError``, ``OutOfMemoryError`` for a frame; and
    ``ReaderClosedError`` (a ``ValueError``) after ``close``.
    """

    def __init__(
        self,
        source: ReaderSource,
        *,
        model: str | Path | None = None,
        force_model: bool = False,
        steps: int = 1,
        seed: int = 0,
        restore: bool = True,
        device: str = "auto",
        threads: int | None = None,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        read_ahead: bool = True,
        strict: bool = False,
        conceal: bool = False,
        coded_size: bool = False,
        scale: int = 1,
        pictures: Pictures = "auto",
    ) -> None:
        if strict and conceal:
            raise SettingsError(
                "strict refuses damaged files, conceal puts something in the place of what they"
                " lost: give one of them"
            )
        settings = RestorationSettings(steps, seed, restore)
        networks = model, force_model, device, threads
        check_pictures(pictures)
        shown = coded_size, scale, pictures
        opening = Opening(plain(source), *networks, memory_limit, read_ahead, *shown)
        core = ReaderCore(opening)
        self._join(core, settings, conceal)
        if strict and core.metadata.damage is not None:
            self.close()
            raise ContainerError(f"{core.metadata.name}: {core.metadata.damage}")

    def with_settings(
        self, *, steps: int | None = None, seed: int | None = None, restore: bool | None = None
    ) -> VideoReader:
        """A reader of the same file under another restoration; what is not given stays.

        The two share file, latents, networks, memory and thread, so it costs next to nothing.  Each
        is closed by itself.
        """
        self._check_open()
        settings = self._settings
        other_settings = RestorationSettings(
            settings.steps if steps is None else steps,
            settings.seed if seed is None else seed,
            settings.restore if restore is None else restore,
        )
        return VideoReader._joined(self._core, other_settings, self._conceal)

    @property
    def latents(self) -> LatentsView:
        """Decoded latents by number: see ``LatentsView``."""
        return LatentsView(self)

    @property
    def metadata(self) -> VideoMetadata:
        """What the headers say; there after ``close``, too."""
        return self._core.metadata

    @property
    def bundle(self) -> ModelBundle:
        """The model that decodes the stream."""
        return self._core.bundle

    @property
    def settings(self) -> RestorationSettings:
        """The restoration in use."""
        return self._settings

    @property
    def memory_used(self) -> int:
        """Bytes kept for later, at most ``memory_limit``."""
        return self._core.cache.used

    @property
    def memory_peak(self) -> int:
        """Most bytes that were kept at any time."""
        return self._core.cache.peak

    @overload
    def __getitem__(self, index: SupportsIndex) -> Frame: ...
    @overload
    def __getitem__(self, index: slice | Iterable[SupportsIndex]) -> list[Frame]: ...
    def __getitem__(self, index: Any) -> Frame | list[Frame]:
        if isinstance(index, slice | Iterable) and getattr(index, "ndim", 1) != 0:
            return [_unshared(self._frame(number)) for number in self._numbers(index)]
        return _unshared(self._frame(self._number(index)))

    def __iter__(self) -> Iterator[Frame]:
        return (_unshared(self._frame(number)) for number in range(len(self)))

    def batches(self, size: int, *, drop_last: bool = False) -> Iterator[FrameBatch]:
        """All frames in order, ``size`` at a time.

        The last batch has what is left, unless ``drop_last`` leaves out one that is not full.
        """
        check_whole_number("size", size, 1)
        self._check_open()
        for first in range(0, len(self), size):
            numbers = range(len(self))[first : first + size]
            if len(numbers) == size or not drop_last:
                yield self._batch(numbers)

    def get_frame_at(self, seconds: float) -> Frame:
        """The frame that is shown at a time, in seconds of the stream's clock (that of
        ``Frame.pts_seconds``).
        """
        self._check_open()
        return _unshared(self._frame(self.index.frame_at_seconds(seconds)))

    def at_time(self, seconds: float, *, interpolate: bool = False) -> Frame:
        """The frame that is shown at a time, as ``get_frame_at``; interpolate: one made up for that
        very time from the coded frames before and after it (``Frame.kind`` "interpolated", its
        provenance generated all over), unless a frame begins then, or a keyframe, a scene cut, a
        lost frame or the end follows.
        """
        self._check_open()
        number = self.index.frame_at_seconds(seconds)
        is_between = seconds > self.index.pts_seconds[number] and number + 1 < len(self)
        if interpolate and is_between:
            with self._asking():
                made = self._pictures.between(number, Fraction(seconds))
            if made is not None:
                return made
        return _unshared(self._frame(number))

    def get_frames_at(
        self,
        indices: Iterable[SupportsIndex] | None = None,
        *,
        seconds: Iterable[float] | None = None,
    ) -> FrameBatch:
        """Frames by their numbers, or those that are shown at times in seconds, in any order."""
        if (indices is None) == (seconds is None):
            raise SettingsError(
                "get_frames_at takes numbers of frames or seconds: give one of them"
            )
        if seconds is not None:
            return self.get_frames_played_at(seconds)
        return self._batch(self._numbers(() if indices is None else indices))

    def get_frames_in_range(self, start: int, stop: int, step: int = 1) -> FrameBatch:
        """Frames ``start`` to ``stop`` (excluded), both 0..n."""
        for name, value in (("start", start), ("stop", stop)):
            if not 0 <= value <= len(self):
                raise FrameRangeError(
                    f"{self.index.name}: {name} must be 0..{len(self)}, the number of frames, got"
                    f" {value}"
                )
        return self._batch(range(start, stop, step))

    def get_frames_played_at(self, seconds: Iterable[float]) -> FrameBatch:
        """The frames that are shown at times, in any order."""
        return self._batch([self.index.frame_at_seconds(time) for time in seconds])

    def latent_frame(self, index: int) -> DecodedLatents:
        """A frame's latents with block modes, vectors, references, quantisers and its share of the
        bytes; no network runs.
        """
        number = self._number(index)
        with self._asking():
            try:
                frames = self._core.latents.unit(self.index.unit_of(number).number)
            except DamagedFrameError:
                if not self._conceal:
                    raise
                return self._core.latents.concealed(number)
        return copy.deepcopy(frames[number - frames[0].index])

    def peek(self, index: int) -> Frame:
        """The same as ``self[index]``, by the way: what is decoded ahead stays what follows the
        frame that was asked for otherwise.
        """
        number = self._number(index)
        with self._asking():
            return _unshared(self._pictures.frame(number))

    def has_picture(self, index: int) -> bool:
        """Whether ``self[index]`` is at hand and takes no time."""
        return self._pictures.has(self._number(index))

    def __repr__(self) -> str:
        name, frames = self.metadata.name, self.metadata.frames
        size, state = f"{self.metadata.width}x{self.metadata.height}", ", closed" * self._closed
        return f"VideoReader({name!r}, {frames} frames of {size}{state})"

    def _batch(self, numbers: Iterable[int]) -> FrameBatch:
        self._check_open()
        return FrameBatch.of(
            [self._frame(number) for number in numbers], self.metadata.height, self.metadata.width
        )

    def _frame(self, number: int) -> Frame:
        """A frame that is shared with the cache."""
        self._check_open()
        ahead, pictures = self._core.ahead, self._pictures
        if ahead is not None and (made := ahead.picture(pictures, number)) is not None:
            return made
        with self._asking():
            frame = pictures.frame(number)
        if ahead is not None:
            ahead.note(pictures, number)
        return frame

    def _number(self, index: SupportsIndex) -> int:
        self._check_open()
        return frame_number(index, len(self), self.index.name)

    def _numbers(self, index: slice | Iterable[SupportsIndex]) -> list[int]:
        self._check_open()
        return frame_numbers(index, len(self), self.index.name)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While someone waits for a frame, nothing is begun ahead."""
        self._check_open()
        if (ahead := self._core.ahead) is not None:
            ahead.begin()
        try:
            yield
        except ValueError:
            self._check_open()  # another thread may have closed the file under this one
            raise
        finally:
            if ahead is not None:
                ahead.end()


def _unshared(frame: Frame) -> Frame:
    """With arrays of its own: ``torch.from_numpy`` writes into read-only ones, too."""
    return replace(frame, data=frame.data.copy(order="K"), provenance=frame.provenance.copy())
