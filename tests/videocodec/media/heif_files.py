"""HEIF files put together by hand around pictures that PyAV encodes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *content)


def number(value: int, width: int = 2) -> bytes:
    return value.to_bytes(width, "big")


def coded(picture: np.ndarray, pixel_format: str = "yuv420p") -> tuple[bytes, bytes]:
    """An AV1 still picture and its configuration record."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        height, width = picture.shape[:2]
        stream = container.add_stream("libsvtav1", rate=25, width=width, height=height)
        stream.pix_fmt = pixel_format
        stream.codec_context.color_range = 2
        stream.codec_context.options = {"crf": "5", "preset": "10", "svtav1-params": "avif=1"}
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        container.mux(stream.encode(frame.reformat(format=pixel_format, dst_color_range=2)))
        container.mux(stream.encode(None))
    data = file.getvalue()
    place = data.index(b"av1C") - 4
    record = data[place : place + int.from_bytes(data[place : place + 4], "big")]
    with av.open(io.BytesIO(data)) as container:
        packet = next(container.demux(video=0))
        return bytes(packet), record


def write_heif(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    grid: tuple[int, int, int, int] | None = None,
    alpha: np.ndarray | None = None,
    turns: int = 0,
    mirrored: int | None = None,
    primary_kind: bytes = b"grid",
) -> Path:
    """One picture, or with ``grid`` (rows, columns, width, height) one made of tiles; ``alpha``
    is its alpha plane, as three equal channels; ``turns`` and ``mirrored``: of ``irot`` and
    ``imir``.
    """
    every = [*pictures, *([alpha] if alpha is not None else [])]
    items = [coded(picture) for picture in every]
    kinds = [b"av01"] * len(items)
    payloads = [data for data, _ in items]
    main = 1
    if grid is not None:
        rows, columns, width, height = grid
        payloads.append(bytes([0, 0, rows - 1, columns - 1]) + number(width) + number(height))
        kinds.append(primary_kind)
        main = len(kinds)
    entries = b"".join(
        full_box(b"infe", number(index), number(0), kind, b"\0", version=2)
        for index, kind in enumerate(kinds, 1)
    )
    references = []
    if grid is not None:
        tiles = b"".join(number(index) for index in range(1, len(pictures) + 1))
        references.append(box(b"dimg", number(main), number(len(pictures)), tiles))
    alpha_item = len(pictures) + 1
    if alpha is not None:
        references.append(box(b"auxl", number(alpha_item), number(1), number(main)))
    moves = [box(b"irot", bytes([turns]))] if turns else []
    moves += [] if mirrored is None else [box(b"imir", bytes([mirrored]))]
    properties, associations = _properties(pictures, items, alpha, main, moves)

    def meta(base: int) -> bytes:
        places, offset = b"", base
        for index, payload in enumerate(payloads, 1):
            places += number(index) + number(0) + number(1)
            places += number(offset, 4) + number(len(payload), 4)
            offset += len(payload)
        return full_box(
            b"meta",
            full_box(b"hdlr", number(0, 4), b"pict", bytes(13)),
            full_box(b"pitm", number(main)),
            full_box(b"iloc", number(0x4400), number(len(payloads)), places),
            full_box(b"iinf", number(len(kinds)), entries),
            full_box(b"iref", *references) if references else b"",
            box(b"iprp", box(b"ipco", *properties), associations),
        )

    head = box(b"ftyp", b"avif", number(0, 4), b"avifmif1miaf")
    base = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(base) + box(b"mdat", *payloads))
    return path


def _properties(
    pictures: Sequence[np.ndarray],
    items: Sequence[tuple[bytes, bytes]],
    alpha: np.ndarray | None,
    main: int,
    moves: Sequence[bytes],
) -> tuple[list[bytes], bytes]:
    """Contents of ``ipco`` and the box ``ipma``: size and configuration of every coded item, what
    the alpha plane is, and how the item ``main`` is turned and mirrored.
    """
    properties: list[bytes] = []
    rows: list[tuple[int, list[int]]] = []
    every = [*pictures, *([alpha] if alpha is not None else [])]
    for index, (picture, (_, record)) in enumerate(zip(every, items, strict=True), 1):
        height, width = picture.shape[:2]
        properties += [full_box(b"ispe", number(width, 4), number(height, 4)), record]
        rows.append((index, [len(properties) - 1, len(properties)]))
        if index > len(pictures):
            properties.append(full_box(b"auxC", ALPHA))
            rows[-1][1].append(len(properties))
    for move in moves:
        properties.append(move)
        if rows[-1][0] != main:
            rows.append((main, []))
        rows[-1][1].append(len(properties))
    listed = b"".join(number(item) + bytes([len(of), *of]) for item, of in rows)
    return properties, full_box(b"ipma", number(len(rows), 4), listed)
