"""Pictures as text: the upper half block in the colour of the upper pixel, on the colour of the
lower one.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

_UPPER_HALF = "▀"
# xterm's levels; colours 16 to 231 are all combinations
_CUBE = np.array([0, 95, 135, 175, 215, 255])
_GREYS = np.arange(24) * 10 + 8  # colours 232 to 255
# 0 to 255 as they stand after a semicolon, and which of the four bytes are to be written
_NUMBERS = np.frombuffer(b"".join(b";%-3d" % value for value in range(256)), np.uint8).reshape(
    256, 4
)
_IS_DIGIT = np.not_equal(_NUMBERS, ord(" "))


def has_true_colour(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows 24-bit colours, by what terminals have agreed to say so with."""
    return environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")


def fit(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Columns and pixel rows (even) of a picture of those proportions in ``columns`` × ``rows``
    cells, each of two square pixels.
    """
    scale = min(columns / width, 2 * rows / height)
    return max(1, min(columns, round(width * scale))), max(
        2, min(2 * rows, 2 * round(height * scale / 2))
    )


def to_cells(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture (H, W, 3) uint8 at ``width`` × ``height`` pixels (height even) → (height / 2,
    width, 6) uint8, two colours a cell.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb must be (H, W, 3) uint8, got shape {rgb.shape} {rgb.dtype}")
    small = cv2.resize(np.ascontiguousarray(rgb), (width, height), interpolation=cv2.INTER_AREA)
    return (
        small.reshape(height // 2, 2, width, 3).transpose(0, 2, 1, 3).reshape(height // 2, width, 6)
    )


def to_256(rgb: np.ndarray) -> np.ndarray:
    """Colours (…, 3) uint8 → (…) int, the nearest of xterm's 16 to 255."""
    colours = rgb.astype(int)
    level = np.abs(colours[..., None] - _CUBE).argmin(-1)
    grey = np.abs(colours.mean(-1)[..., None] - _GREYS).argmin(-1)
    far_cube = ((_CUBE[level] - colours) ** 2).sum(-1)
    far_grey = ((_GREYS[grey][..., None] - colours) ** 2).sum(-1)
    numbers: npt.NDArray[np.int64] = np.where(
        far_grey < far_cube, 232 + grey, 16 + level @ [36, 6, 1]
    )
    return numbers


def render(
    cells: np.ndarray, before: np.ndarray | None, top: int, left: int, true_colour: bool
) -> str:
    """What to write to turn the cells that are on the screen (``before``, None: unknown) into
    others (rows, columns, 6) uint8.

    top, left: place of the first cell, from 0.  Only what changed is written, and colours only
    where they differ from the cell before.
    """
    if before is not None and before.shape == cells.shape:
        changed = (cells != before).any(-1)
    else:
        changed = np.ones(cells.shape[:2], dtype=bool)
    rows = np.flatnonzero(changed.any(1))
    if not len(rows):
        return ""
    first = changed[rows].argmax(1)
    last = cells.shape[1] - 1 - changed[rows, ::-1].argmax(1)
    columns = np.arange(cells.shape[1])
    written = (columns >= first[:, None]) & (columns <= last[:, None])
    colours = cells[rows].reshape(len(rows), -1, 2, 3)
    if not true_colour:
        colours = to_256(colours)[..., None].astype(np.uint8)
    # of both layers, whether a cell's colour is another than that of the cell before
    new = np.ones(colours.shape[:3], dtype=bool)
    new[:, 1:] = (colours[:, 1:] != colours[:, :-1]).any(-1)
    new |= (columns == first[:, None])[..., None]
    text, lengths = _written(colours, new & written[..., None], written, true_colour)
    ends = lengths.cumsum().tolist()
    parts = []
    for row, column, begin, end in zip(
        rows.tolist(), first.tolist(), [0, *ends], ends, strict=False
    ):
        parts.append(f"\x1b[{top + row + 1};{left + column + 1}H{text[begin:end].decode()}\x1b[0m")
    return "".join(parts)


def _written(
    colours: np.ndarray, new: np.ndarray, written: np.ndarray, true_colour: bool
) -> tuple[bytes, np.ndarray]:
    """What the cells of rows are written with, and how many bytes each row has.

    colours: (rows, columns, 2 layers, 3 or 1) uint8; new: (rows, columns, 2), which colours are to
    be said; written: (rows, columns), which cells.

    Every cell is laid out in a line of the same length, and of that only what is needed is taken:
    cell by cell in Python it took as long as a third of a picture.
    """
    upper, lower = new[..., 0], new[..., 1]
    any_new, both = upper | lower, upper & lower
    kind = b"2" if true_colour else b"5"
    fields = [_constant(b"\x1b[", any_new)]
    for layer, name in enumerate((b"38;", b"48;")):
        if layer:
            fields.append(_constant(b";", both))
        fields.append(_constant(name + kind, new[..., layer]))
        for channel in range(colours.shape[-1]):
            values = colours[:, :, layer, channel]
            fields.append((_NUMBERS[values], _IS_DIGIT[values] & new[..., layer, None]))
    fields += [_constant(b"m", any_new), _constant(_UPPER_HALF.encode(), written)]
    line = np.concatenate([text for text, _ in fields], axis=-1)
    taken = np.concatenate([wanted for _, wanted in fields], axis=-1)
    return line[taken].tobytes(), taken.sum((1, 2))


def _constant(text: bytes, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same bytes in every cell, and where they are wanted."""
    shape = (*where.shape, len(text))
    return np.broadcast_to(np.frombuffer(text, np.uint8), shape), np.broadcast_to(
        where[..., None], shape
    )
