"""Tables that claim more than there can be, in boxes wherever they stand."""

from __future__ import annotations

import pytest

from bitstream.container.table_checks import (
    MAX_BOXES,
    MAX_EDITED_SAMPLES,
    MORE_SAMPLES,
    TableChecker,
)
from bitstream.errors import ContainerError


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """One box; ``size``: what its header says instead of the truth."""
    return (8 + len(content) if size is None else size).to_bytes(4, "big") + kind + content


def numbers(*values: int) -> bytes:
    """Of 32 bits."""
    return b"".join(value.to_bytes(4, "big") for value in values)


def check(*boxes: bytes, file_bytes: int = 1000) -> None:
    """As the content of a moov box."""
    TableChecker("clip.mp4", file_bytes).check(b"moov", memoryview(b"".join(boxes)))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (box(b"stsz", numbers(0, 1, 1 << 31)), "stsz speaks of 2147483648 samples"),
        (box(b"stsz", numbers(0, 0, 3, 1, 1)), "stsz speaks of 3 samples in 20 bytes"),
        (box(b"stz2", numbers(0, 16, 5, 0)), "stz2 speaks of 5 samples in 16 bytes"),
        (box(b"stts", numbers(0, 1, 0xFFFFFFFF, 1)), "stts speaks of 4294967295 samples"),
        (
            box(b"ctts", numbers(0, 2, 0x7FFFFFFF, 1, 0x7FFFFFFF, 1)),
            "ctts speaks of 4294967294 samples",
        ),
        (box(b"stsc", numbers(0, 1 << 30)), "stsc speaks of 1073741824 entries in 8 bytes"),
        (box(b"keys", numbers(0, 1 << 28)), "keys speaks of 268435456 entries in 8 bytes"),
        (box(b"trun", numbers(0, 1 << 27)), "trun speaks of 134217728 samples"),
        (box(b"stsz", numbers(0)), "stsz speaks of more than its 4 bytes hold"),
        (box(b"stsz", numbers(0, 1, 1 << 31), size=1 << 30), "stsz speaks of 2147483648 samples"),
        (
            box(b"stsd", numbers(0, 1) + box(b"gpmd", box(b"stsz", b""))),
            "stsz speaks of something inside a sample description",
        ),
        (
            box(b"elst", numbers(0, MAX_EDITED_SAMPLES // 1000))
            + box(b"stsz", numbers(0, 1, 2000)),
            "elst speaks of 67108 entries for 2000",
        ),
        (box(b"cmov", b""), "it has a box cmov, for compressed tables"),
        (box(b"iloc", b""), "it has a box iloc, for items of pictures"),
        (box(b"free", b"") * (MAX_BOXES + 1), f"more than {MAX_BOXES} boxes"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
@pytest.mark.parametrize("depth", [0, 4])
def test_what_cannot_be_is_refused(table: bytes, said: str, depth: int) -> None:
    for _ in range(depth):
        table = box(b"trak", table)
    with pytest.raises(ContainerError, match=f"^clip.mp4: .*{said}"):
        check(table)


SAMPLES = box(b"stsz", numbers(0, 1, 2000))


@pytest.mark.parametrize(
    ("kind", "beside", "possible", "beyond"),
    [
        (b"stsz", b"", (0, 0, 2, 5, 6), (0, 0, 3, 5, 6)),
        (b"stsz", b"", (0, 2, MORE_SAMPLES), (0, 2, 10 * MORE_SAMPLES)),
        (b"stts", b"", (0, 1, 2, 1), (0, 1, 10 * MORE_SAMPLES, 1)),
        (b"elst", SAMPLES, (0, MAX_EDITED_SAMPLES // 2000), (0, MAX_EDITED_SAMPLES // 1000)),
        (b"keys", b"", (0, 0), (0, 1)),
    ],
)
def test_a_table_passes_up_to_what_there_can_be(
    kind: bytes, beside: bytes, possible: tuple[int, ...], beyond: tuple[int, ...]
) -> None:
    check(box(kind, numbers(*possible)), beside)
    with pytest.raises(ContainerError, match=f"{kind.decode()} speaks of"):
        check(box(kind, numbers(*beyond)), beside)
