"""Boxes of MP4 files: found, changed, moved about, and the checksums of access units put right
again.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass

_PARENTS = {
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"udta",
    b"dinf",
    b"moof",
    b"traf",
    b"mvex",
}
_EXTREMES = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_NEW_KINDS = (
    b"stsz",
    b"stz2",
    b"stts",
    b"ctts",
    b"stsc",
    b"stco",
    b"co64",
    b"stss",
    b"elst",
    b"trun",
    b"moof",
    b"traf",
    b"tfhd",
    b"trex",
    b"mvex",
    b"sidx",
    b"cmov",
    b"dcom",
    b"cmvd",
    b"sbgp",
    b"sgpd",
    b"saiz",
    b"saio",
    b"senc",
    b"uuid",
    b"meta",
    b"keys",
    b"ilst",
    b"chpl",
    b"iloc",
    b"iinf",
    b"iref",
    b"esds",
    b"stsd",
    b"hdlr",
    b"mdhd",
    b"tkhd",
    b"mvhd",
    b"tref",
    b"lvmd",
    b"lvwd",
    b"free",
    b"mdat",
)


@dataclass(frozen=True)
class Box:
    """One box: where it begins, bytes of its header and of all of it, its type, and the boxes that
    it lies in, outermost first.
    """

    start: int
    header: int
    size: int
    kind: bytes
    inside: tuple[int, ...]


def boxes(data: bytes) -> list[Box]:
    """All boxes, parents before what is in them, as far as they fit."""
    parsed: list[Box] = []

    def walk(position: int, end: int, inside: tuple[int, ...]) -> None:
        while position + 8 <= end and len(parsed) < 1000:
            size, kind, header = (
                int.from_bytes(data[position : position + 4], "big"),
                bytes(data[position + 4 : position + 8]),
                8,
            )
            if size == 1:
                size, header = int.from_bytes(data[position + 8 : position + 16], "big"), 16
            if not header <= size <= end - position:
                return
            parsed.append(Box(position, header, size, kind, inside))
            if kind in _PARENTS and len(inside) < 10:
                walk(position + header, position + size, (*inside, len(parsed) - 1))
            position += size

    walk(0, len(data), ())
    return parsed


def mutate(data: bytes, longest: int, seed: int) -> bytes:
    """Changes a number in a box, or a box's size, removes, doubles or makes a box; and sometimes
    any bytes at all.
    """
    chance = random.Random(seed)
    parsed = boxes(data)
    import atheris

    if not parsed or chance.random() < 0.25:
        changed = atheris.Mutate(data, longest)
        return fix_checksums(changed) if chance.random() < 0.5 else changed
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        parsed = boxes(bytes(out)) or parsed
        box = chance.choice(parsed)
        action = chance.random()
        if action < 0.55 and box.size > box.header:
            at = (
                box.start
                + box.header
                + (
                    4 * chance.randrange(min(12, -(-(box.size - box.header) // 4)))
                    if chance.random() < 0.7
                    else 0
                )
            )
            at = (
                at
                if chance.random() < 0.7
                else chance.randrange(box.start + box.header, box.start + box.size)
            )
            width = chance.choice((1, 2, 4, 4, 4, 8))
            value = (
                chance.choice(_EXTREMES) if chance.random() < 0.6 else chance.getrandbits(8 * width)
            )
            out[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "big")
        elif action < 0.65:
            out[box.start : box.start + 4] = (
                chance.choice((*_EXTREMES, box.size - 1, box.size + 1, box.size + 8)) & 0xFFFFFFFF
            ).to_bytes(4, "big")
        elif action < 0.75:
            out[box.start + 4 : box.start + 8] = chance.choice(_NEW_KINDS)
        else:
            _exchange(out, parsed, box, chance)
    return bytes(fix_checksums(bytes(out[:longest])) if chance.random() < 0.7 else out[:longest])


def _exchange(out: bytearray, parsed: list[Box], box: Box, chance: random.Random) -> None:
    """Remove, double or insert a box; the boxes around it keep the right sizes."""
    if (roll := chance.random()) < 0.3:
        new, cut = b"", box.size
    elif roll < 0.6:
        new, cut = bytes(out[box.start : box.start + box.size]), 0
    else:
        content = chance.randbytes(chance.choice((0, 4, 8, 12, 20, 40)))
        if chance.random() < 0.5:
            content = b"".join(
                chance.choice(_EXTREMES).to_bytes(4, "big") for _ in range(len(content) // 4)
            )
        new, cut = (8 + len(content)).to_bytes(4, "big") + chance.choice(_NEW_KINDS) + content, 0
    out[box.start : box.start + cut] = new
    for index in box.inside:
        outer = parsed[index]
        if outer.header == 8:
            out[outer.start : outer.start + 4] = (
                (outer.size + len(new) - cut) & 0xFFFFFFFF
            ).to_bytes(4, "big")


def unit_places(data: bytes) -> list[tuple[int, int]]:
    """Where the samples of the first track are by its tables: start and size; as far as they say so
    in the plainest way.
    """
    tables: dict[bytes, bytes] = {}
    for box in boxes(data):
        if box.kind in (b"stsz", b"stco", b"stsc"):
            tables.setdefault(box.kind, data[box.start + box.header : box.start + box.size])
    if len(tables) < 3:
        return []

    def number(table: bytes, at: int) -> int:
        return int.from_bytes(table[at : at + 4], "big")

    sizes = [number(tables[b"stsz"], at) for at in range(12, len(tables[b"stsz"]) - 3, 4)]
    starts = [number(tables[b"stco"], at) for at in range(8, len(tables[b"stco"]) - 3, 4)]
    runs = [
        (number(tables[b"stsc"], at), number(tables[b"stsc"], at + 4))
        for at in range(8, len(tables[b"stsc"]) - 11, 12)
    ]
    out: list[tuple[int, int]] = []
    for chunk, position in enumerate(starts[:100], 1):
        for _ in range(
            min(100, next((samples for first, samples in reversed(runs) if first <= chunk), 0))
        ):
            if len(out) < len(sizes):
                out.append((position, sizes[len(out)]))
                position += out[-1][1]
    return out


def fix_checksums(data: bytes) -> bytes:
    """The same file with the right checksum at the end of every access unit that can be found."""
    out = bytearray(data)
    for start, size in unit_places(data):
        if size > 4 and start + size <= len(out):
            out[start + size - 4 : start + size] = zlib.crc32(
                out[start : start + size - 4]
            ).to_bytes(4, "big")
    return bytes(out)
