"""The errors videocodec raises: each is one clear line that names the file and says what to do.

``LatentVideoError`` is the root of them all, and ``videocodec.LatentVideoError`` is what a caller
catches.  Below it are ``BitstreamError``, with what can be wrong with the bytes of a stream, and
``VideoCodecError``, with everything else.  Every class also inherits the builtin it resembles, so
code that knows only builtins still catches it.
"""

from __future__ import annotations

from bitstream.errors import (
    AttachedModelError,
    BitstreamError,
    CaptionsError,
    ChecksumError,
    ContainerError,
    FieldError,
    LatentVideoError,
    MemoryLimitError,
    TruncatedStreamError,
    UnsupportedVersionError,
)

__all__ = [
    "AttachedModelError",
    "BitstreamError",
    "CaptionsError",
    "ChecksumError",
    "ComparisonError",
    "ContainerError",
    "DamagedFrameError",
    "DeviceError",
    "FieldError",
    "ForcedModelWarning",
    "ForkedReaderError",
    "FrameMismatchError",
    "FrameRangeError",
    "InputError",
    "InterpolationError",
    "LatentVideoError",
    "MemoryLimitError",
    "MissingPackageError",
    "ModelMismatchError",
    "OutOfMemoryError",
    "OutputError",
    "OutputExistsError",
    "PlanError",
    "PlayerError",
    "ProgramError",
    "ReaderClosedError",
    "RegionsError",
    "RepairError",
    "ResumeError",
    "SettingsError",
    "TerminalError",
    "TruncatedStreamError",
    "UnfinishedPlanError",
    "UnknownModelError",
    "UnsupportedInputError",
    "UnsupportedVersionError",
    "VideoCodecError",
    "WorkerError",
]


_LISTED = 10  # chunks in a message


class VideoCodecError(LatentVideoError):
    """Base class of the errors that are not about the bytes of a stream."""


class SettingsError(VideoCodecError, ValueError):
    """A setting is outside its range, or contradicts another.  Nothing was done."""


class RegionsError(SettingsError):
    """Regions of interest that cannot be: their file, or one of them.  Nothing was done."""


class InputError(VideoCodecError, ValueError):
    """The input is missing, is not a video, is damaged, or holds no picture. Nothing was
    written.
    """


class UnsupportedInputError(InputError):
    """The input is a sound video with a property this codec would lose: alpha, HDR, more than 8
    bits, a strange colour matrix.
    """


class InterpolationError(VideoCodecError, ValueError):
    """Frames between coded frames are asked for of a stream that they cannot be made for."""


class OutputExistsError(VideoCodecError, FileExistsError):
    """The target exists and overwriting was not asked for. It is left as it was."""


class OutputError(VideoCodecError, OSError):
    """The target cannot be written, or its kind is unknown. Nothing half-written is left behind."""


class ResumeError(VideoCodecError, ValueError):
    """What an interrupted encode left belongs to another source or to other settings.

    It is left as it was.
    """


class WorkerError(VideoCodecError, RuntimeError):
    """A process of a parallel encode died or failed.

    The target was not touched; chunks that were finished are kept.
    """


class PlanError(VideoCodecError, ValueError):
    """A file is no plan, was made by another version, or has no such chunk."""


class FrameMismatchError(InputError):
    """Other frames were read than those that were planned."""


class UnfinishedPlanError(VideoCodecError, RuntimeError):
    """A plan cannot be merged yet.  The store says what is to be encoded.

    chunks: the numbers of the chunks.  pass_number: of the pass that they belong to, from 1 on.
    total: how many chunks the plan has.
    """

    def __init__(self, chunks: tuple[int, ...], pass_number: int, total: int) -> None:
        super().__init__(chunks, pass_number, total)
        self.chunks, self.pass_number, self.total = chunks, pass_number, total

    @property
    def message(self) -> str:
        """What is missing, without the place."""
        listed = ", ".join(str(chunk) for chunk in self.chunks[:_LISTED])
        more = ", …" if len(self.chunks) > _LISTED else ""
        return (
            f"pass {self.pass_number} is not finished: {len(self.chunks)} of {self.total} chunks"
            f" are to be encoded: {listed}{more}"
        )


class MissingPackageError(VideoCodecError, ImportError):
    """An optional package is needed and not installed.

    The message says how to install it.
    """


class DeviceError(VideoCodecError, RuntimeError):
    """The device asked for is not there."""


class OutOfMemoryError(VideoCodecError, MemoryError):
    """The networks need more memory than the device has."""


class UnknownModelError(VideoCodecError, ValueError):
    """No model bundle of that name, no bundle in that folder, or a file that does not hold the
    weights it should.
    """


class ModelMismatchError(VideoCodecError, ValueError):
    """The bundle at hand is not the one the stream was written with."""


class ForcedModelWarning(UserWarning):
    """A stream is decoded with a bundle that is not the one it was written with, because the caller
    insisted.
    """


class ReaderClosedError(VideoCodecError, ValueError):
    """A ``VideoReader`` was used after its ``close``."""


class FrameRangeError(VideoCodecError, IndexError):
    """No frame has that number, or is shown at that time.

    The message states how many there are, or how long they last.
    """


class TerminalError(VideoCodecError, OSError):
    """Playing in a terminal was asked for where there is none."""


class DamagedFrameError(VideoCodecError, ValueError):
    """Frames cannot be decoded: their access unit, or one that they build on, is damaged.

    name: the file.  first, last: the frames, by number.  reason: why.  resumes_at: the number of
    the next keyframe, from which on frames can be decoded, None if there is none.
    """

    def __init__(
        self, name: str, first: int, last: int, reason: str, resumes_at: int | None
    ) -> None:
        super().__init__(name, first, last, reason, resumes_at)
        self.name, self.first, self.last = name, first, last
        self.reason, self.resumes_at = reason, resumes_at

    @property
    def message(self) -> str:
        """What is wrong, without the place."""
        onwards = (
            "and none after them can"
            if self.resumes_at is None
            else f"frames from {self.resumes_at} on can"
        )
        frames = (
            f"frame {self.first}"
            if self.first == self.last
            else f"frames {self.first} to {self.last}"
        )
        return f"{self.name}: {frames} cannot be decoded, {onwards}: {self.reason}"


class RepairError(VideoCodecError, ValueError):
    """Nothing of a file can be recovered. Nothing was written."""


class ForkedReaderError(VideoCodecError, RuntimeError):
    """A reader of a file object is used in a child made by ``fork``: both processes would move the
    one position of the file.
    """


class PlayerError(VideoCodecError, OSError):
    """The player's page cannot be served: its port is taken. Nothing was started."""


class ComparisonError(VideoCodecError, ValueError):
    """A ladder cannot be made as asked: no such codec or metric in this build, or settings that
    make no sense. Nothing was encoded.
    """


class ProgramError(VideoCodecError, RuntimeError):
    """The ffmpeg program, or a process of the ladder, failed."""
