"""Faces and text in a picture, found without anybody's choice.

Faces: the cascade of local binary patterns that the package scikit-image carries (OpenCV's, by
Liao et al. 2007), kept where they have the colours of skin.  Text: rows of letters of one height,
from maximally stable extremal regions (Matas et al. 2002).  A picture with neither shows its
busiest place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from skimage.feature import Cascade

Rgb = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # x, y, width, height
MOST_FACES = 2
_WORKING = 704  # px of the longer side that faces and letters are looked for at, at most doubled
_SKIN = (0, 133, 77), (255, 173, 127)  # Y, Cr, Cb: Chai and Ngan 1999
_SKIN_SHARE = 0.35
_SMALLEST_FACE = 40  # px at the working size
_LETTER_HEIGHT = 14  # px at the working size
_LETTER_SHAPES = 0.12, 1.6  # width by height
_LETTER_FILL = 0.2, 0.9
_FEWEST_LETTERS = 3


@dataclass(frozen=True)
class Region:
    """A rectangle in px.  kind: "face", "text" or "busiest place"."""

    kind: str
    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[float, float]:
        """Across and down."""
        return self.x + self.width / 2, self.y + self.height / 2


def regions(rgb: Rgb, width: int, height: int) -> list[Region]:
    """What is worth a look in a picture (H, W, 3): the two largest faces, the row of most text, or
    else the busiest window of ``width`` by ``height`` px.
    """
    regions = faces(rgb)[:MOST_FACES] + text(rgb)[:1]
    return regions or [busiest(rgb, width, height)]


def why_no_faces() -> str | None:
    """Why no faces are looked for; None where they are."""
    if find_spec("skimage") is None:
        return "faces are not looked for: the package scikit-image is not installed"
    return None


def faces(rgb: Rgb) -> list[Region]:
    """Frontal faces, the largest first; none where scikit-image is missing."""
    if why_no_faces() is not None:
        return []
    scaled, scale = _scaled(rgb)
    side = min(scaled.shape[:2])
    if side < _SMALLEST_FACE:
        return []
    hits = _cascade().detect_multi_scale(
        scaled,
        scale_factor=1.15,
        step_ratio=1,
        min_size=(_SMALLEST_FACE, _SMALLEST_FACE),
        max_size=(side, side),
        min_neighbor_number=4,
    )
    regions = [
        Region("face", *(round(hit[name] / scale) for name in ("c", "r", "width", "height")))
        for hit in hits
    ]
    regions.sort(key=lambda one: (-one.width, one.y, one.x))
    distinct: list[Region] = []
    for face in regions:
        if _skin_share(rgb, face) >= _SKIN_SHARE and not any(
            _overlap(face, one) for one in distinct
        ):
            distinct.append(face)
    return distinct


def text(rgb: Rgb) -> list[Region]:
    """Rows of three letters or more, those with the most and largest first."""
    scaled, scale = _scaled(rgb)
    gray = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), np.uint8)
    rows = _rows(_letters(gray))
    rows.sort(key=lambda row: (-len(row) * max(box[3] for box in row), row[0][1], row[0][0]))
    return [_around(row, scale) for row in rows if len(row) >= _FEWEST_LETTERS]


def busiest(rgb: Rgb, width: int, height: int) -> Region:
    """The window with the strongest gradients of luma."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    width, height = min(width, gray.shape[1]), min(height, gray.shape[0])
    across, down = (cv2.Sobel(gray, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    sums = cv2.integral(np.hypot(across, down))
    windows = (sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]) + sums[
        :-height, :-width
    ]
    y, x = np.unravel_index(int(windows.argmax()), windows.shape)
    return Region("busiest place", int(x), int(y), width, height)


def _scaled(rgb: Rgb) -> tuple[Rgb, float]:
    """The picture at the size that is worked at, and the factor."""
    scale = min(2.0, _WORKING / max(rgb.shape[:2]))
    kind = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    scaled = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=kind)
    return np.asarray(scaled, np.uint8), scale


@cache
def _cascade() -> Cascade:
    from skimage import data
    from skimage.feature import Cascade

    return Cascade(data.lbp_frontal_face_cascade_filename())


def _skin_share(rgb: Rgb, face: Region) -> float:
    """Of the middle of a face; 1 in a picture without colours."""
    inset_x, inset_y = face.width // 5, face.height // 5
    inside = rgb[
        face.y + inset_y : face.y + face.height - inset_y,
        face.x + inset_x : face.x + face.width - inset_x,
    ]
    colours = cv2.cvtColor(np.ascontiguousarray(inside), cv2.COLOR_RGB2YCrCb)
    if np.abs(colours[..., 1:].astype(int) - 128).max() <= 2:
        return 1.0
    return float(np.mean(cv2.inRange(colours, *_SKIN) > 0))


def _overlap(one: Region, other: Region) -> bool:
    """Whether two share more than a quarter of the smaller one."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return across > 0 and down > 0 and across * down > smaller / 4


def _letters(gray: npt.NDArray[np.uint8]) -> list[Box]:
    """What may be a letter, from left to right; of boxes within each other the largest."""
    areas = 80, 10_000  # px
    points, boxes = cv2.MSER.create(8, *areas).detectRegions(gray)
    shaped: list[Box] = [
        (int(box[0]), int(box[1]), int(box[2]), int(box[3]))
        for region, box in zip(points, boxes, strict=True)
        if _LETTER_HEIGHT <= box[3] <= len(gray) / 4
        and _LETTER_SHAPES[0] <= box[2] / box[3] <= _LETTER_SHAPES[1]
        and _LETTER_FILL[0] <= len(region) / (box[2] * box[3]) <= _LETTER_FILL[1]
    ]
    distinct: list[Box] = []
    for box in sorted(shaped, key=lambda box: (-box[2] * box[3], box)):
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        if not any(
            one[0] <= x <= one[0] + one[2] and one[1] <= y <= one[1] + one[3] for one in distinct
        ):
            distinct.append(box)
    return sorted(distinct)


def _rows(letters: Sequence[Box]) -> list[list[Box]]:
    """Letters on one baseline, of about one height, close to each other."""
    rows: list[list[Box]] = []
    for letter in letters:
        fitting = [row for row in rows if _continues(row[-1], letter)]
        if fitting:
            max(fitting, key=len).append(letter)
        else:
            rows.append([letter])
    return rows


def _continues(last: Box, letter: Box) -> bool:
    tall, low = max(last[3], letter[3]), min(last[3], letter[3])
    drop = abs(last[1] + last[3] - letter[1] - letter[3])
    gap = letter[0] - last[0] - last[2]
    return low >= 0.6 * tall and drop < 0.3 * tall and -0.3 * tall < gap < 0.9 * tall


def _around(row: Sequence[Box], scale: float) -> Region:
    """The rectangle around letters, in px of the picture."""
    left, top = min(box[0] for box in row), min(box[1] for box in row)
    right, bottom = (max(box[side] + box[side + 2] for box in row) for side in (0, 1))
    corners = left, top, right - left, bottom - top
    return Region("text", *(round(value / scale) for value in corners))


def clamped(region: Region, width: int, height: int, picture: tuple[int, int]) -> tuple[int, int]:
    """Left and top of the window of ``width`` by ``height`` px around a region, inside a picture of
    (height, width) px.
    """
    x, y = region.centre
    left = min(max(0, round(x - width / 2)), max(0, picture[1] - width))
    top = min(max(0, round(y - height / 2)), max(0, picture[0] - height))
    return left, top
