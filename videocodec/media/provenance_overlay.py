"""Provenance drawn over a picture: where each part of it comes from.

Every kind has a colour of Okabe and Ito's palette, whose blue and orange nobody confuses, and
hatching goes with what was made up, so that it is told from the others without any colour; frames
that stand in for lost ones are hatched both ways.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..provenance import PROVENANCE_NAMES, covering_latents, shares

# in the order of PROVENANCE_NAMES
_COLOURS = np.array(
    [(230, 159, 0), (0, 114, 178), (204, 121, 167), (0, 158, 115)], dtype=np.float32
)
_GENERATED, _CONCEALED = PROVENANCE_NAMES.index("generated"), PROVENANCE_NAMES.index("concealed")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_DARKEST, _LIGHTEST = 40.0, 215.0  # what black and white become, as neither could be tinted
_TINT, _OWN = 0.75, 0.15  # shares of the kind's and of the picture's colour
_HATCH_PERIOD, _HATCH_WIDTH, _HATCH_CONTRAST = 8, 2, 55.0  # px, px, levels of luma
_NARROWEST = 160  # px that the legend is drawn in
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_provenance(rgb: np.ndarray, provenance: np.ndarray, turns: int = 0) -> np.ndarray:
    """Draw the map of provenance over a picture.

    ``rgb`` is (H, W, 3) uint8, ``provenance`` its map (ceil(H / 8), ceil(W / 8)) uint8, as in
    ``Frame``. Returns a picture of the same shape and type.

    Light and dark are the picture's own, a little flattened; the colour says what was transmitted
    (orange), predicted (blue), generated (pink, hatched) and concealed (green, hatched both ways),
    and lines run between areas.  A legend with the share of each stands in the lower left corner of
    pictures at least 160 px wide.

    turns: quarter turns counter-clockwise by which players will turn the picture, for the legend.

    Raises ``ValueError`` for arrays of other shapes or types.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb must be (H, W, 3) uint8, got shape {rgb.shape} {rgb.dtype}")
    height, width = rgb.shape[:2]
    if (
        provenance.shape != covering_latents(height, width)
        or provenance.dtype != np.uint8
        or provenance.max() >= len(PROVENANCE_NAMES)
    ):
        raise ValueError(
            f"provenance must be {covering_latents(height, width)} uint8 below"
            f" {len(PROVENANCE_NAMES)} for a picture of {width}x{height}, got shape"
            f" {provenance.shape} {provenance.dtype}"
        )
    kinds = provenance.repeat(PIXELS_PER_LATENT, 0).repeat(PIXELS_PER_LATENT, 1)[:height, :width]
    drawn = _outlined(_hatched(_tinted(rgb, kinds), kinds), kinds)
    shown = np.ascontiguousarray(np.rot90(drawn, turns))
    if shown.shape[1] >= _NARROWEST:
        _add_legend(shown, shares(np.bincount(provenance.ravel(), minlength=len(PROVENANCE_NAMES))))
    return np.ascontiguousarray(np.rot90(shown, -turns))


def _tinted(rgb: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """The luma of ``rgb``, in a range that leaves room for colour, with the colour of each pixel's
    kind.
    """
    picture = rgb.astype(np.float32)
    luma = picture @ _LUMA
    towards = _COLOURS - (_COLOURS @ _LUMA)[:, None]  # adds colour, no luma
    chroma = _OWN * (picture - luma[..., None]) + _TINT * towards[kinds]
    luma = (_DARKEST + luma * ((_LIGHTEST - _DARKEST) / 255))[..., None]
    # As much of the colour as leaves all three channels within 0..255.
    room = np.where(chroma > 0, 255 - luma, luma) / np.maximum(np.abs(chroma), 1e-3)
    drawn: npt.NDArray[np.uint8] = np.rint(
        luma + chroma * np.minimum(1, room.min(-1, keepdims=True))
    ).astype(np.uint8)
    return drawn


def _hatched(picture: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Diagonal lines, brighter in the dark and darker in the light, where a picture was made up or
    lost, by its ``kinds`` (H, W).
    """
    concealed = kinds == _CONCEALED
    if not concealed.any() and not (kinds == _GENERATED).any():
        return picture
    rows, columns = np.ogrid[: kinds.shape[0], : kinds.shape[1]]
    rising, falling = (
        (diagonal % _HATCH_PERIOD < _HATCH_WIDTH) for diagonal in (rows + columns, rows - columns)
    )
    lines = ((kinds == _GENERATED) | concealed) & rising | concealed & falling
    levels = picture[lines].astype(np.float32)
    change = np.where(levels @ _LUMA < 128, _HATCH_CONTRAST, -_HATCH_CONTRAST)[:, None]
    picture[lines] = np.clip(levels + change, 0, 255).astype(np.uint8)
    return picture


def _outlined(picture: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """A line of one black and one white pixel between areas of different kinds, which shows on
    anything.
    """
    for axis in (0, 1):
        earlier, later = [slice(None)] * 2, [slice(None)] * 2
        earlier[axis], later[axis] = slice(None, -1), slice(1, None)
        differ = kinds[tuple(earlier)] != kinds[tuple(later)]
        picture[tuple(earlier)][differ] = 0
        picture[tuple(later)][differ] = 255
    return picture


def _add_legend(picture: np.ndarray, share_of: dict[str, float]) -> None:
    """Into the picture itself, if it is high enough."""
    scale = float(np.clip(picture.shape[1] / 1280, 0.35, 1.2))
    # What is there of most videos always has its line, so that the legend stays where it is.
    kinds = [index for index, share in enumerate(share_of.values()) if share or index != _CONCEALED]
    lines = [
        f"{PROVENANCE_NAMES[index]} {_percent(share_of[PROVENANCE_NAMES[index]])}"
        for index in kinds
    ]
    sizes = [cv2.getTextSize(line, _FONT, scale, 1)[0] for line in lines]
    letter = max(size[1] for size in sizes)
    row, gap = round(1.8 * letter), letter // 2
    height, width = len(lines) * row + 2 * gap, row + max(size[0] for size in sizes) + 3 * gap
    if height > picture.shape[0] or width > picture.shape[1]:
        return
    box = picture[-height:, :width]
    box //= 5
    for place, (index, line) in enumerate(zip(kinds, lines, strict=True)):
        top = gap + place * row
        swatch = np.full((row - gap, row - gap, 3), _COLOURS[index], dtype=np.uint8)
        box[top : top + row - gap, gap : gap + row - gap] = _hatched(
            swatch, np.full(swatch.shape[:2], index)
        )
        cv2.putText(
            box,
            line,
            (row + gap, top + (row - gap + letter) // 2),
            _FONT,
            scale,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )


def _percent(share: float) -> str:
    """Whole per cent; what is there, but less than one, does not become none."""
    return "<1%" if 0 < share < 0.01 else f"{min(share, 0.99) if share < 1 else 1:.0%}"
