"""Still pictures in HEIF files (HEIC, AVIF): which of their items is the picture, of what tiles it
is made, and whether there is an alpha plane beside it (ISO/IEC 23008-12, ISO/IEC 14496-12).

FFmpeg gives every coded item a stream of its own, whose ``id`` is that of the item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bitstream.container.table_checks import box_header, children

from ..errors import InputError

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis", b"msf1", b"hevc", b"hevx")
_LARGEST_TABLE = 16 << 20  # bytes
_MOST_ITEMS = 1 << 14  # a grid has at most 2^16 tiles, a photograph some dozens
_MOST_BOXES = 64  # at the top of a file, before ``meta``
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


@dataclass(frozen=True)
class Grid:
    """A picture made of tiles: ``rows`` × ``columns`` items, row by row, of which the upper left
    ``width`` × ``height`` px count.
    """

    rows: int
    columns: int
    width: int
    height: int
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class StillPicture:
    """What a file says of its picture.

    item: the number of the primary item; grid: of what tiles it is made, None if it is coded
    itself.
    kind: the item's type, such as "av01", "hvc1", "grid", "iovl".
    alpha: the item with its alpha plane, None without one; alpha_grid: of what tiles that is made.
    premultiplied: whether colours are multiplied by alpha already.
    quarter_turns: counter-clockwise, to be made of a grid for display; mirrored: along which axis
    it is to be mirrored after that, 0 top to bottom, 1 left to right, None for neither.
    """

    item: int
    kind: str
    grid: Grid | None = None
    alpha: int | None = None
    alpha_grid: Grid | None = None
    premultiplied: bool = False
    quarter_turns: int = 0
    mirrored: int | None = None


def still_picture(path: Path) -> StillPicture | None:
    """The picture of a HEIF file; None for other files and for HEIF without items.

    Raises ``InputError`` for tables that say what cannot be.
    """
    meta = _top_box(path, b"meta")
    if meta is None:
        return None
    try:
        items = _Items.parse(meta)
        return items.picture(path) if items.primary in items.kinds else None
    except (IndexError, ValueError) as error:
        raise InputError(
            f"{path}: its table of pictures is damaged ({error}): copy or download it again"
        ) from error


def auxiliary_tracks(path: Path) -> list[int]:
    """``id`` of every track of a HEIF file that belongs to another one, as its alpha plane does.

    Raises ``InputError`` as ``still_picture`` does.
    """
    movie = _top_box(path, b"moov")
    auxiliary = []
    for kind, track, _ in children(movie) if movie is not None else ():
        parts = {name: inner for name, inner, _ in children(track)} if kind == b"trak" else {}
        if any(name == b"auxl" for name, _, _ in children(parts.get(b"tref", memoryview(b"")))):
            try:
                header = _Fields(parts.get(b"tkhd", memoryview(b"")))
                version, _ = header.full_box()
                header.bytes(16 if version else 8)
                auxiliary.append(header.number(4))
            except ValueError as error:
                raise InputError(
                    f"{path}: its table of tracks is damaged ({error}): copy or download it again"
                ) from error
    return auxiliary


@dataclass
class _Items:
    """The tables of one ``meta`` box."""

    primary: int = 0
    kinds: dict[int, str] = field(default_factory=dict)
    references: dict[bytes, dict[int, list[int]]] = field(default_factory=dict)
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # method, offset, length
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    of_item: dict[int, list[int]] = field(default_factory=dict)
    data: bytes = b""  # of the box ``idat``

    @classmethod
    def parse(cls, meta: memoryview) -> _Items:
        items = cls()
        for kind, content, _ in children(meta[4:]):
            fields = _Fields(content)
            if kind == b"pitm":
                items.primary = fields.number(4 if fields.full_box()[0] else 2)
            elif kind == b"iinf":
                items._add_kinds(fields)
            elif kind == b"iref":
                items._add_references(fields)
            elif kind == b"iloc":
                items._add_places(fields)
            elif kind == b"iprp":
                items._add_properties(content)
            elif kind == b"idat":
                items.data = bytes(content)
        return items

    def picture(self, path: Path) -> StillPicture:
        item = self.primary
        alphas = [
            auxiliary
            for auxiliary, of in self.references.get(b"auxl", {}).items()
            if item in of and self._is_alpha(auxiliary)
        ]
        alpha = alphas[0] if alphas else None
        turns, mirrored = self._orientation(item)
        return StillPicture(
            item,
            self.kinds[item],
            self._grid(path, item),
            alpha,
            None if alpha is None else self._grid(path, alpha),
            bool(alphas) and alphas[0] in self.references.get(b"prem", {}).get(item, ()),
            turns,
            mirrored,
        )

    def _add_kinds(self, fields: _Fields) -> None:
        version, _ = fields.full_box()
        fields.number(4 if version else 2)
        for kind, content, _ in children(fields.rest()):
            entry = _Fields(content)
            version, _ = entry.full_box()
            if kind != b"infe" or version < 2:
                continue
            number = entry.number(4 if version > 2 else 2)
            entry.number(2)
            self.kinds[number] = entry.bytes(4).decode("latin-1")
            if len(self.kinds) > _MOST_ITEMS:
                raise ValueError("too many items")

    def _add_references(self, fields: _Fields) -> None:
        version, _ = fields.full_box()
        width = 4 if version else 2
        for kind, content, _ in children(fields.rest()):
            entry = _Fields(content)
            source, count = entry.number(width), entry.number(2)
            targets = [entry.number(width) for _ in range(count)]
            self.references.setdefault(kind, {})[source] = targets

    def _add_places(self, fields: _Fields) -> None:
        version, _ = fields.full_box()
        sizes = fields.number(2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in range(fields.number(4 if version > 1 else 2)):
            number = fields.number(4 if version > 1 else 2)
            method = fields.number(2) & 15 if version else 0
            fields.number(2)
            begin = fields.number(base)
            extents, indexed = fields.number(2), index if version else 0
            if extents:
                fields.number(indexed)
                self.places[number] = method, begin + fields.number(offset), fields.number(length)
                fields.bytes((extents - 1) * (indexed + offset + length))

    def _add_properties(self, content: memoryview) -> None:
        for kind, inner, _ in children(content):
            if kind == b"ipco":
                self.properties = [(name, bytes(value)) for name, value, _ in children(inner)]
            elif kind == b"ipma":
                fields = _Fields(inner)
                version, flags = fields.full_box()
                for _ in range(fields.number(4)):
                    number = fields.number(4 if version else 2)
                    width = 2 if flags & 1 else 1
                    mask = (1 << (8 * width - 1)) - 1
                    self.of_item[number] = [
                        fields.number(width) & mask for _ in range(fields.number(1))
                    ]

    def _properties_of(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        for index in self.of_item.get(item, ()):
            if 1 <= index <= len(self.properties):
                yield self.properties[index - 1]

    def _is_alpha(self, item: int) -> bool:
        return any(
            kind == b"auxC" and value[4:].split(b"\0")[0] in _ALPHA
            for kind, value in self._properties_of(item)
        )

    def _orientation(self, item: int) -> tuple[int, int | None]:
        turns, mirrored = 0, None
        for kind, value in self._properties_of(item):
            if kind == b"irot":
                turns = value[0] & 3
            elif kind == b"imir":
                mirrored = value[0] & 1
        return turns, mirrored

    def _grid(self, path: Path, item: int) -> Grid | None:
        if self.kinds.get(item) != "grid":
            return None
        method, offset, length = self.places.get(item, (0, 0, 0))
        if method == 1:
            data = self.data[offset : offset + min(length, 12)]
        else:
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read(min(length, 12))
        fields = _Fields(memoryview(data))
        _, flags, rows, columns = (fields.number(1) for _ in range(4))
        width, height = (fields.number(4 if flags & 1 else 2) for _ in range(2))
        tiles = tuple(self.references.get(b"dimg", {}).get(item, ()))
        if len(tiles) != (rows + 1) * (columns + 1) or not width or not height:
            raise ValueError(f"a grid of {rows + 1} by {columns + 1} has {len(tiles)} tiles")
        return Grid(rows + 1, columns + 1, width, height, tiles)


class _Fields:
    """Numbers of a box, one after another.  Raises ``ValueError`` where it ends too early."""

    def __init__(self, content: memoryview) -> None:
        self._content, self._position = content, 0

    def bytes(self, count: int) -> bytes:
        part = bytes(self._content[self._position : self._position + count])
        if len(part) != count:
            raise ValueError("a box ends too early")
        self._position += count
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.bytes(count), "big")

    def full_box(self) -> tuple[int, int]:
        """Version and flags."""
        return self.number(1), self.number(3)

    def rest(self) -> memoryview:
        return self._content[self._position :]


def _top_box(path: Path, wanted: bytes) -> memoryview | None:
    """Content of a box at the top of a HEIF file, None where there is none or the file is of
    another kind.
    """
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        for number in range(_MOST_BOXES):
            file.seek(position)
            kind, header, length = box_header(file.read(16), size - position)
            if number == 0:
                file.seek(8)
                brands = file.read(min(max(0, length - 8), 256))
                if kind != b"ftyp" or not any(brand in brands for brand in _BRANDS):
                    return None
            if length < header or position + length > size:
                return None
            if kind == wanted:
                if length > _LARGEST_TABLE:
                    raise InputError(f"{path}: its table of pictures is too large to be true")
                file.seek(position + header)
                return memoryview(file.read(length - header))
            position += length
    return None
