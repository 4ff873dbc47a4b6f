"""Pictures in one file: JPEG or PNG of any size, each with what it is for.

"PACK", uint32 count; per picture uint8 kind, uint32 bytes; then the pictures; little endian
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError

_MAGIC = b"PACK"
_ENTRY = struct.Struct("<BI")


class Kind(IntEnum):
    """What a picture of a pack is for."""

    PHOTOGRAPH = 0
    FRAME = 1
    HELD_OUT_PHOTOGRAPH = 2
    HELD_OUT_FRAME = 3


@dataclass(frozen=True)
class Entry:
    """A picture of a pack, as its file's bytes."""

    kind: Kind
    data: bytes


@dataclass(frozen=True)
class PackedPictures:
    """The pictures of a pack, RGB uint8 (H, W, 3) each."""

    photographs: Sequence[np.ndarray]
    frames: Sequence[np.ndarray]
    held_out_photographs: Sequence[np.ndarray]
    held_out_frames: Sequence[np.ndarray]


def encoded(picture: np.ndarray, kind: Kind, quality: int) -> Entry:
    """A picture, BGR uint8 (H, W, 3): as JPEG of so much quality, without loss if it is a frame
    held out.
    """
    if kind is Kind.HELD_OUT_FRAME:
        data = cv2.imencode(".png", picture)[1]
    else:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return Entry(kind, data.tobytes())


def write(entries: Sequence[Entry], file: Path) -> None:
    """Write a pack."""
    with file.open("wb") as out:
        out.write(_MAGIC + struct.pack("<I", len(entries)))
        for entry in entries:
            out.write(_ENTRY.pack(entry.kind, len(entry.data)))
        for entry in entries:
            out.write(entry.data)


def read_entries(file: Path) -> list[Entry]:
    """The entries of a pack.  Raises ``InputError`` for a file that is none, or is cut off."""
    try:
        data = file.read_bytes()
        if data[:4] != _MAGIC:
            raise InputError(f"{file}: no pack: make one with python -m tools.train.second pack")
        (count,) = struct.unpack_from("<I", data, 4)
        table = [_ENTRY.unpack_from(data, 8 + _ENTRY.size * i) for i in range(count)]
        at, entries = 8 + _ENTRY.size * count, []
        for kind, size in table:
            entries.append(Entry(Kind(kind), data[at : at + size]))
            at += size
    except (OSError, struct.error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: not a readable pack ({error}): make it again") from error
    if at != len(data):
        raise InputError(f"{file}: {len(data)} bytes, {at} expected: copy it again")
    return entries


def read(file: Path) -> PackedPictures:
    """The pictures of a pack, decoded by all cores.  Raises ``InputError``."""
    entries = read_entries(file)
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(decoded_entry, entries))
    kinds: dict[Kind, list[np.ndarray]] = {kind: [] for kind in Kind}
    for entry, picture in zip(entries, pictures, strict=True):
        if picture is not None:
            kinds[entry.kind].append(picture)
    return PackedPictures(*(kinds[kind] for kind in Kind))


def within(entries: Sequence[Entry], most_bytes: int, seed: int = 0) -> list[Entry]:
    """As many of the entries as fit, those held out all of them, in their order.

    Of what is left after these, frames get at least half where there are enough.
    """
    order = np.random.default_rng(seed).permutation(len(entries))
    chosen = {i for i in order if entries[i].kind >= Kind.HELD_OUT_PHOTOGRAPH}
    left = most_bytes - sum(len(entries[i].data) for i in chosen)
    sizes = {
        kind: sum(len(e.data) for e in entries if e.kind is kind)
        for kind in (Kind.PHOTOGRAPH, Kind.FRAME)
    }
    for_frames = min(sizes[Kind.FRAME], max(left / 2, left - sizes[Kind.PHOTOGRAPH]))
    shares = {Kind.FRAME: for_frames, Kind.PHOTOGRAPH: left - for_frames}
    for i in order:
        entry = entries[i]
        if entry.kind in shares and len(entry.data) <= shares[entry.kind]:
            shares[entry.kind] -= len(entry.data)
            chosen.add(i)
    return [entry for i, entry in enumerate(entries) if i in chosen]


def count_kinds(entries: Iterable[Entry]) -> dict[str, int]:
    """How many there are of each kind, by its name."""
    counts = {kind.name.lower(): 0 for kind in Kind}
    for entry in entries:
        counts[entry.kind.name.lower()] += 1
    return counts


def decoded_entry(entry: Entry) -> np.ndarray | None:
    """RGB (H, W, 3) uint8 of an entry; None if it is no picture."""
    picture = cv2.imdecode(np.frombuffer(entry.data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
