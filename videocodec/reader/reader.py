"""``videocodec.VideoReader``: frames of a latent-video file by number and by time, in any order."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, overload

from bitstream.errors import ContainerError

from ..decoded import DecodedLatents
from ..decoder.index import StreamIndex
from ..errors import DamagedFrameError, FrameRangeError, ReaderClosedError, SettingsError
from .batch import FrameBatch
from .core import ReaderCore
from .latents_view import LatentsView
from .metadata import VideoMetadata
from .pictures import PictureSource

if TYPE_CHECKING:
    from ..decoder.frames import Frame
    from ..models.bundle import ModelBundle
from ..restoration.settings import RestorationSettings

DEFAULT_MEMORY_LIMIT = 512 << 20


class VideoReader:
    """A latent-video file as a sequence of frames.

        with VideoReader("clip.lv.mp4") as video:
            video[120].data              # (3, H, W) uint8 RGB, the bits of decoding from the start
            video[-1], video[10:20:2]    # a slice is a list of frames
            video.get_frame_at(3.5)      # the one shown at 3.5 s

    source: a path, or a binary file object that can seek, which stays open and which nobody else
    may read meanwhile.
    model, force_model, steps, seed, restore, device, threads: as of ``videocodec.decode``.
    memory_limit: bytes of decoded latents, pictures and decoder states that are kept for later;
    what is being worked on comes on top.
    read_ahead: whether a thread decodes what is likely asked for next.
    strict: refuse a file of which anything is damaged, instead of raising ``DamagedFrameError`` for
    the frames that are.
    conceal: give concealed frames (``Frame.kind``) and latents in their place, as
    ``videocodec.decode`` writes them.

    Any number of threads may use a reader.  Pictures and latents are shared with its cache, hence
    read-only: copy what you want to change.

    Raises ``ContainerError``, ``UnsupportedVersionError``, ``ModelMismatchError``,
    ``UnknownModelError`` when opened, ``SettingsError`` for settings; ``FrameRangeError`` (an
    ``IndexError``), ``DamagedFrameError``, ``DeviceError``, ``OutOfMemoryError`` for a frame; and
    ``ReaderClosedError`` (a ``ValueError``) after ``close``.
    """

    def __init__(
        self,
        source: str | Path | BinaryIO,
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
    ) -> None:
        self._closed = True
        if strict and conceal:
            raise SettingsError(
                "strict refuses damaged files, conceal puts something in the place of what they"
                " lost: give one of them"
            )
        settings = RestorationSettings(steps, seed, restore)
        core = ReaderCore(source, model, force_model, device, threads, memory_limit, read_ahead)
        self._join(core, settings, conceal)
        if strict and core.metadata.damage is not None:
            self.close()
            raise ContainerError(f"{core.metadata.name}: {core.metadata.damage}")

    def _join(self, core: ReaderCore, settings: RestorationSettings, conceal: bool) -> None:
        core.open(id(self))
        self._core, self._settings, self._conceal, self._closed = core, settings, conceal, False
        self._pictures = PictureSource(
            core.latents, core.networks, core.cache, settings, conceal=conceal
        )

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
        other = object.__new__(VideoReader)
        other._closed = True
        other._join(self._core, other_settings, self._conceal)
        return other

    @property
    def latents(self) -> LatentsView:
        """Decoded latents by number: see ``LatentsView``."""
        return LatentsView(self)

    @property
    def metadata(self) -> VideoMetadata:
        """What the headers say; there after ``close``, too."""
        return self._core.metadata

    @property
    def index(self) -> StreamIndex:
        """Access units and times of all frames, without decoding; there after ``close``, too."""
        return self._core.index

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

    def __len__(self) -> int:
        return len(self.index)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> list[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
        if isinstance(index, slice):
            self._check_open()
            return [self._frame(number) for number in range(len(self))[index]]
        return self._frame(self._number(index))

    def __iter__(self) -> Iterator[Frame]:
        return (self._frame(number) for number in range(len(self)))

    def get_frame_at(self, seconds: float) -> Frame:
        """The frame that is shown at a time, in seconds of the stream's clock (that of
        ``Frame.pts_seconds``).
        """
        self._check_open()
        return self._frame(self.index.frame_at_seconds(seconds))

    def get_frames_at(self, indices: Iterable[int]) -> FrameBatch:
        """Frames by their numbers, in any order."""
        return self._batch([self._number(index) for index in indices])

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
        return frames[number - frames[0].index]

    def peek(self, index: int) -> Frame:
        """The same as ``self[index]``, by the way: what is decoded ahead stays what follows the
        frame that was asked for otherwise.
        """
        with self._asking():
            return self._pictures.frame(self._number(index))

    def has_picture(self, index: int) -> bool:
        """Whether ``self[index]`` is at hand and takes no time."""
        return self._pictures.has(self._number(index))

    def close(self) -> None:
        """Let go of the file and all that was kept.  May be called more than once."""
        if not self._closed:
            self._closed = True
            self._core.close(id(self))

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __repr__(self) -> str:
        name, frames = self.metadata.name, self.metadata.frames
        size = f"{self.metadata.width}x{self.metadata.height}"
        state = ", closed" if self._closed else ""
        return f"VideoReader({name!r}, {frames} frames of {size}{state})"

    def _batch(self, numbers: Iterable[int]) -> FrameBatch:
        self._check_open()
        return FrameBatch.of(
            [self._frame(number) for number in numbers], self.metadata.height, self.metadata.width
        )

    def _frame(self, number: int) -> Frame:
        ahead = self._core.ahead
        with self._asking():
            frame = self._pictures.frame(number)
        if ahead is not None:
            ahead.note(self._pictures, number)
        return frame

    def _number(self, index: int) -> int:
        """An index, from the end if negative, as a number 0..n - 1."""
        self._check_open()
        try:
            number = operator.index(index)
        except TypeError:
            raise TypeError(
                f"a frame's number must be a whole number, got {index!r}: get_frame_at and"
                " get_frames_played_at take seconds"
            ) from None
        if not -len(self) <= number < len(self):
            raise FrameRangeError(
                f"{self.index.name}: there is no frame {number}: it has {len(self)} frames, 0 to"
                f" {len(self) - 1}"
            )
        return number % len(self)

    def _check_open(self) -> None:
        if self._closed:
            raise ReaderClosedError(
                f"{self.index.name}: this reader is closed (it had {len(self)} frames): open"
                " another"
            )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While someone waits for a frame, nothing is begun ahead."""
        self._check_open()
        if self._core.ahead is not None:
            self._core.ahead.begin()
        try:
            yield
        except ValueError:
            self._check_open()  # another thread may have closed the file under this one
            raise
        finally:
            if self._core.ahead is not None:
                self._core.ahead.end()
