"""Words in a latent-video file: what is to be seen from which time on, in a box of its own before
an attached model (FORMAT.md, section 1.2).

    version   u8    1
    count     u16   1..4096
    time      i64   microseconds of the stream's clock   } count times,
    length    u16   1..1024                              } times ascending,
    text      UTF-8, without control characters          } up to the end of the box

No decoder of latents looks at it.  The first byte makes the content too long for a box of boxes, so
that programs that look for tables everywhere find none in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import CaptionsError
from .boxes import CAPTIONS_BOX, AttachedBox
from .shared_file import SharedFile

CAPTIONS_VERSION = 1
MAX_CAPTIONS = 4096
MAX_CAPTION_BYTES = 1024
MAX_BOX_BYTES = 1 << 20
_MICROSECOND = Fraction(1, 1_000_000)
_LATEST = 1 << 62  # microseconds


@dataclass(frozen=True)
class Caption:
    """What is to be seen from a time on, up to the next caption.

    begin: seconds of the stream's clock, to the microsecond.
    text: 1..1024 bytes of UTF-8 without control characters.
    """

    begin: Fraction
    text: str

    def __post_init__(self) -> None:
        """Raise ``CaptionsError`` for what the box cannot hold."""
        size = len(self.text.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= MAX_CAPTION_BYTES or not self.text.isprintable():
            raise CaptionsError(
                f"a caption is 1 to {MAX_CAPTION_BYTES} bytes of text on one line, got {size}"
                f" bytes: {self.text[:40]!r}"
            )
        if abs(self.begin) > _LATEST * _MICROSECOND:
            raise CaptionsError(f"a caption cannot begin at {float(self.begin):g} s")


def caption_at(captions: Sequence[Caption], seconds: float | Fraction) -> str | None:
    """The words that hold at a time, None before the first of them."""
    texts = [caption.text for caption in captions if caption.begin <= seconds]
    return texts[-1] if texts else None


def captions_box(captions: Sequence[Caption]) -> bytes:
    """The whole box, header and all; b"" for no captions.

    Raises ``CaptionsError`` for more of them than it holds, or times that do not ascend.
    """
    if not captions:
        return b""
    if len(captions) > MAX_CAPTIONS:
        raise CaptionsError(f"there are {len(captions)} captions, at most {MAX_CAPTIONS} are kept")
    content = bytearray([CAPTIONS_VERSION]) + len(captions).to_bytes(2, "big")
    last: int | None = None
    for caption in captions:
        time, text = round(caption.begin / _MICROSECOND), caption.text.encode()
        if last is not None and time <= last:
            raise CaptionsError(f"captions must begin one after another, {caption.text!r} does not")
        content += time.to_bytes(8, "big", signed=True) + len(text).to_bytes(2, "big") + text
        last = time
    if len(content) > MAX_BOX_BYTES:
        raise CaptionsError(f"captions take {len(content)} bytes, at most {MAX_BOX_BYTES} are kept")
    return (8 + len(content)).to_bytes(4, "big") + CAPTIONS_BOX + bytes(content)


def read_captions(path: str | Path | SharedFile, box: AttachedBox) -> tuple[Caption, ...]:
    """The captions of a box of a file.  Raises ``CaptionsError``."""
    if box.available < box.bytes or box.bytes > MAX_BOX_BYTES:
        raise CaptionsError(f"captions take {box.bytes} bytes, of which {box.available} are there")
    with path.view() if isinstance(path, SharedFile) else open(path, "rb") as file:
        file.seek(box.position)
        return parse_captions(file.read(box.bytes))


def parse_captions(content: bytes) -> tuple[Caption, ...]:
    """The captions of a box without its header.  Raises ``CaptionsError``."""
    position = 0

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        if position > len(content):
            raise CaptionsError("captions are cut short")
        return content[position - count : position]

    version, count = take(1)[0], int.from_bytes(take(2), "big")
    if version != CAPTIONS_VERSION:
        raise CaptionsError(
            f"captions are of version {version}, this program reads {CAPTIONS_VERSION}: upgrade"
            " videocodec"
        )
    if not 1 <= count <= MAX_CAPTIONS:
        raise CaptionsError(f"there are {count} captions, must be 1..{MAX_CAPTIONS}")
    found: list[Caption] = []
    for _ in range(count):
        time = int.from_bytes(take(8), "big", signed=True)
        try:
            text = take(int.from_bytes(take(2), "big")).decode()
        except UnicodeDecodeError as error:
            raise CaptionsError("a caption is no UTF-8") from error
        found.append(Caption(time * _MICROSECOND, text))
        if len(found) > 1 and found[-2].begin >= found[-1].begin:
            raise CaptionsError("captions are not in the order of their times")
    if position != len(content):
        raise CaptionsError(f"{len(content) - position} bytes lie behind the captions")
    return tuple(found)
