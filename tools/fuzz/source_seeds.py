"""The inputs with which fuzzing of sources begins."""

from __future__ import annotations


def heif_files() -> list[bytes]:
    """Tables of one picture, of one made of tiles with alpha beside it, turned and mirrored, and of
    tracks; without coded data.
    """
    return [
        _heif([b"av01"], [], []),
        _heif(
            [b"av01", b"av01", b"grid", b"av01"],
            [
                (b"dimg", 3, (1, 2)),
                (b"auxl", 4, (3,)),
                (b"prem", 3, (4,)),
            ],
            [
                (3, _box(b"irot", b"\1")),
                (3, _box(b"imir", b"\1")),
                (4, _box(b"auxC", bytes(4), b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")),
            ],
        ),
        _box(b"ftyp", b"avis", bytes(4), b"avismsf1")
        + _box(
            b"moov",
            _box(
                b"trak",
                _box(b"tkhd", bytes(12), _number(2, 4), bytes(68)),
                _box(b"tref", _box(b"auxl", _number(1, 4))),
            ),
        ),
    ]


def label_texts() -> list[bytes]:
    """Some chapters, and a line of ASS."""
    chapters = b"".join(
        _number(begin, 3) + _number(900, 3) + _number(1000, 3) for begin in (0, 900)
    )
    return [chapters, b"0,0,Default,,0,0,0,,{\\b1}Bold\\N<i>text</i>"]


def _heif(
    kinds: list[bytes],
    references: list[tuple[bytes, int, tuple[int, ...]]],
    properties: list[tuple[int, bytes]],
) -> bytes:
    """``kinds`` of items from 1 on; the primary one is the grid, if there is one."""
    primary = kinds.index(b"grid") + 1 if b"grid" in kinds else 1
    entries = b"".join(
        _full(b"infe", _number(item) + _number(0) + kind + b"\0", version=2)
        for item, kind in enumerate(kinds, 1)
    )
    grid = bytes([0, 0, 0, 1]) + _number(32) + _number(16)
    places = b"".join(
        _number(item) + _number(1) + _number(0) + _number(1) + _number(0, 4) + _number(len(grid), 4)
        for item in range(1, len(kinds) + 1)
    )
    linked = b"".join(
        _box(kind, _number(item), _number(len(to)), *(_number(one) for one in to))
        for kind, item, to in references
    )
    rows = b"".join(
        _number(item) + bytes([1, index]) for index, (item, _) in enumerate(properties, 1)
    )
    meta = _full(
        b"meta",
        _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        + _full(b"pitm", _number(primary))
        + _full(b"iloc", _number(0x4400) + _number(len(kinds)) + places, version=1)
        + _full(b"iinf", _number(len(kinds)) + entries)
        + (_full(b"iref", linked) if linked else b"")
        + _box(
            b"iprp",
            _box(b"ipco", *(content for _, content in properties)),
            _full(b"ipma", _number(len(properties), 4) + rows),
        )
        + _box(b"idat", grid),
    )
    return _box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf") + meta


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return _number(8 + len(body), 4) + kind + body


def _full(kind: bytes, content: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]), content)


def _number(value: int, width: int = 2) -> bytes:
    return value.to_bytes(width, "big")
