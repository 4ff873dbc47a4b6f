"""Errors of the integer world: everything that can be wrong with the bytes of a stream or its
file.
"""

from __future__ import annotations


class BitstreamError(ValueError):
    """The bytes are not a stream this program can decode.  The message is one line."""


class FieldError(BitstreamError):
    """A field has a value outside its range.

    ``field`` is the name it has in FORMAT.md, ``offset`` the byte where it starts, counted from the
    start of the access unit (from the start of the header for a ``SequenceHeader`` that is being
    built, not parsed).
    """

    def __init__(self, field: str, offset: int, problem: str) -> None:
        super().__init__(f"field {field} at byte {offset}: {problem}")
        self.field = field
        self.offset = offset


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


class MemoryLimitError(BitstreamError):
    """Decoding takes more memory than there is.  Nothing was allocated for it."""


class ContainerError(BitstreamError):
    """The file is not a latent-video file, or is cut short.  The message names the file."""
