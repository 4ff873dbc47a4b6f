"""The root of all errors, and those of the integer world: everything that can be wrong with the
bytes of a stream or its file.
"""

from __future__ import annotations

import copy
from typing import Self


class LatentVideoError(Exception):
    """Root of every error of files, models, machines and settings that ``bitstream`` and
    ``videocodec`` raise.  Arguments of a wrong type or shape are mistakes of a program, and stay
    ``TypeError`` and ``ValueError``.

    ``str(error)`` is one line, ready to be shown to a person.  Errors pass between processes: they
    can be pickled and copied, with their attributes and notes.  For that a constructor that takes
    more than a message hands all of it on to ``super().__init__`` and overrides ``message``.

    place: where it happened, in front of the message; None where that is part of it, or not known.
    """

    place: str | None = None

    @property
    def message(self) -> str:
        """What is wrong, without the place."""
        return super().__str__()

    def __str__(self) -> str:
        return self.message if self.place is None else f"{self.place}: {self.message}"

    def located(self, place: str) -> Self:
        """The same error, attributes and notes included, that says where it happened.

        place: a file, or a file and a part of it.
        """
        error = copy.copy(self)
        error.place = place if self.place is None else f"{place}: {self.place}"
        if notes := getattr(self, "__notes__", None):
            error.__notes__ = list(notes)  # more may be added to each
        return error


class BitstreamError(LatentVideoError, ValueError):
    """The bytes are not a stream this program can decode.  The message is one line."""


class FieldError(BitstreamError):
    """A field has a value outside its range.

    field: the name it has in FORMAT.md.
    offset: the byte where it starts, counted from the start of the access unit (from the start of
    the header for a ``SequenceHeader`` that is being built, not parsed).
    problem: what is wrong with its value.
    """

    def __init__(self, field: str, offset: int, problem: str) -> None:
        super().__init__(field, offset, problem)
        self.field, self.offset, self.problem = field, offset, problem

    @property
    def message(self) -> str:
        """What is wrong, without the place."""
        return f"field {self.field} at byte {self.offset}: {self.problem}"


class TruncatedStreamError(BitstreamError):
    """The bytes end before the syntax does."""


class ChecksumError(BitstreamError):
    """A checksum does not match: the bytes were damaged, or the latents differ from the
    encoder's.
    """


class UnsupportedVersionError(BitstreamError):
    """The stream was written by a newer version of the format."""


class AttachedModelError(BitstreamError):
    """The model that is attached to a file is damaged, or is none.

    The message says what is wrong with it, without the file's name.
    """


class CaptionsError(BitstreamError):
    """The words in a file are damaged, or are more than a file holds.

    The message says what is wrong with them, without the file's name.
    """


class MemoryLimitError(BitstreamError):
    """Decoding takes more memory than there is.  Nothing was allocated for it."""


class ContainerError(BitstreamError):
    """The file is not a latent-video file, or is cut short.  The message names the file."""
