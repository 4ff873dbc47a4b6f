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
    if true_colour:
        colours = [cells[..., :3].tolist(), cells[..., 3:].tolist()]
    else:
        colours = [to_256(cells[..., :3]).tolist(), to_256(cells[..., 3:]).tolist()]
    out: list[str] = []
    for row in np.flatnonzero(changed.any(1)).tolist():
        columns = np.flatnonzero(changed[row])
        first, last = int(columns[0]), int(columns[-1])
        out.append(f"\x1b[{top + row + 1};{left + first + 1}H")
        on = [None, None]
        for column in range(first, last + 1):
            wanted = [colours[0][row][column], colours[1][row][column]]
            codes = [
                _colour(layer, colour)
                for layer, colour, now in zip((38, 48), wanted, on, strict=True)
                if colour != now
            ]
            if codes:
                out.append(f"\x1b[{';'.join(codes)}m")
                on = wanted
            out.append(_UPPER_HALF)
        out.append("\x1b[0m")
    return "".join(out)


def _colour(layer: int, colour: int | list[int]) -> str:
    return (
        f"{layer};5;{colour}"
        if isinstance(colour, int)
        else f"{layer};2;{colour[0]};{colour[1]};{colour[2]}"
    )
