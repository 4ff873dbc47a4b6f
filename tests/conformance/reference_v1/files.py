"""Files for the second decoder of the tests: the latent track of an MP4 file, an attached model,
and tables, in plain Python.

Written from sections 1 and 9 of FORMAT.md, ISO/IEC 14496-12 and the description of safetensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

# Folders of networks on which no latents depend, and the version of the box that they need.
HELPERS = {"post_filter/": 3, "upscaler/": 2}


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the contents of the boxes that lie one behind the other in
    data[start:end].
    """
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind, head = (
            int.from_bytes(data[start : start + 4], "big"),
            data[start + 4 : start + 8],
            8,
        )
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        stop = end if size == 0 else start + size
        if (size and size < head) or stop > end:
            raise ValueError(f"box {kind!r} of {size} bytes")
        yield kind, start + head, stop
        start = stop


def inside(data: bytes, where: tuple[int, int], *path: bytes) -> tuple[int, int]:
    """Where the contents of a box lie that is found by its path of types."""
    for wanted in path:
        where = next((start, end) for kind, start, end in boxes(data, *where) if kind == wanted)
    return where


def entries(data: bytes, where: tuple[int, int], sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The rows of a table: version and flags, number of rows, and rows of integers of so many
    bytes.
    """
    position, rows = where[0] + 8, []
    for _ in range(int.from_bytes(data[where[0] + 4 : position], "big")):
        row = []
        for size in sizes:
            row.append(int.from_bytes(data[position : position + size], "big"))
            position += size
        rows.append(tuple(row))
    return rows


def samples(data: bytes, table: tuple[int, int]) -> list[bytes]:
    """The samples of a track by its sample table."""
    found = {kind: (start, end) for kind, start, end in boxes(data, *table)}
    start = found[b"stsz"][0]
    even, count = (int.from_bytes(data[start + at : start + at + 4], "big") for at in (4, 8))
    sizes = (
        [even] * count
        if even
        else [
            int.from_bytes(data[at : at + 4], "big")
            for at in range(start + 12, start + 12 + 4 * count, 4)
        ]
    )
    chunks = [
        row[0]
        for row in (
            entries(data, found[b"stco"], (4,))
            if b"stco" in found
            else entries(data, found[b"co64"], (8,))
        )
    ]
    runs = entries(data, found[b"stsc"], (4, 4, 4))
    out: list[bytes] = []
    for index, (first, per_chunk, _) in enumerate(runs):
        last = runs[index + 1][0] if index + 1 < len(runs) else len(chunks) + 1
        for chunk in range(first, last):
            position = chunks[chunk - 1]
            for _ in range(per_chunk):
                size = sizes[len(out)]
                out.append(data[position : position + size])
                position += size
    return out


def access_units(data: bytes) -> list[bytes]:
    """The samples of the latent track of an MP4 file."""
    for kind, start, end in boxes(data, *inside(data, (0, len(data)), b"moov")):
        if kind != b"trak":
            continue
        handler = inside(data, (start, end), b"mdia", b"hdlr")[0]
        if data[handler + 8 : handler + 12] != b"meta":
            continue
        table = inside(data, (start, end), b"mdia", b"minf", b"stbl")
        entry = inside(data, table, b"stsd")[0] + 8
        if data[entry + 4 : entry + 8] != b"gpmd":
            continue
        units = samples(data, table)
        if units and units[0][:1] in (b"\x00", b"\x80") and units[0][1:5] == b"LVID":
            return units
    raise ValueError("no latent track")


def attached_model(data: bytes) -> dict[str, bytes] | None:
    """The files of the model in the box ``lvmd``, by name, without a post-filter and a network for
    twice the size, on which no latents depend.
    """
    where = next(((start, end) for kind, start, end in boxes(data) if kind == b"lvmd"), None)
    if where is None:
        return None
    position, sizes = where[0] + 3, {}
    if data[where[0]] not in (1, 2, 3):
        raise ValueError("version of the attached model")
    for _ in range(int.from_bytes(data[position - 2 : position], "big")):
        name = data[position + 1 : position + 1 + data[position]].decode("ascii")
        position += 1 + data[position]
        sizes[name] = int.from_bytes(data[position : position + 8], "big")
        position += 8
    # In the order of their names, which is that of the hashes.
    helpers = [each for each in HELPERS if any(name.startswith(each) for name in sizes)]
    if data[where[0]] != max([HELPERS[each] for each in helpers], default=1):
        raise ValueError("version of the attached model for its files")
    stated = {}
    for each in helpers:
        stated[each], position = data[position : position + 32], position + 32
    files = {}
    for name, size in sizes.items():
        files[name] = data[position : position + size]
        position += size
    if position != where[1]:
        raise ValueError("size of the attached model")
    for each, sha256 in stated.items():
        of_it = {name: files.pop(name) for name in list(files) if name.startswith(each)}
        if bytes.fromhex(model_identity(of_it)) != sha256:
            raise ValueError(f"{each} of the attached model")
    return files


def model_identity(files: dict[str, bytes]) -> str:
    """``model_sha256`` over files by name."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + str(len(files[name])).encode() + b"\0" + files[name])
    return digest.hexdigest()


def read_tables(data: bytes) -> dict[str, list]:
    """The integer tensors of a safetensors file by name, as nested lists."""
    header_size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + header_size]).items():
        if name == "__metadata__" or entry["dtype"] not in ("I16", "I32", "I64"):
            continue
        size = int(entry["dtype"][1:]) // 8
        begin, end = (8 + header_size + at for at in entry["data_offsets"])
        values: list = [
            int.from_bytes(data[at : at + size], "little", signed=True)
            for at in range(begin, end, size)
        ]
        for side in reversed(entry["shape"][1:]):
            values = [values[at : at + side] for at in range(0, len(values), side)]
        tensors[name] = values
    return tensors
