"""SSIMULACRA2 by the package of that name."""

from __future__ import annotations

import io
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .base import EVERY, Figure, Metric, Pair, Series, too_small

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..clips import Clip

_SMALLEST_SIDE = 8  # px, of its first scale


class Ssimulacra2Metric(Metric):
    """SSIMULACRA2 (Sneyers, Cloudinary, 2022) of every third frame: structure and edges in the XYB
    space over six scales; 100 is equal, 90 cannot be told apart, 50 is medium, below 0 is ruined.
    """

    name, place = "ssimulacra2", 0.5
    figures = (Figure("ssimulacra2", "SSIMULACRA2", "", True, 2, perfect=100),)

    def missing(self, clip: Clip | None = None) -> str | None:
        if find_spec("ssimulacra2") is None:
            return "needs the package ssimulacra2: pip install ssimulacra2"
        return too_small(clip, _SMALLEST_SIDE, "its first scale needs")

    def identity(self) -> dict[str, str]:
        return {name: version(name) for name in ("ssimulacra2", "numpy", "scipy")}

    def measure(self, pair: Pair) -> Series:
        from ssimulacra2 import compute_ssimulacra2

        from ..planes import ToRgb

        to_rgb, values = ToRgb(pair.clip), []
        for index, frames in enumerate(zip(pair.reference, pair.distorted, strict=True)):
            pictures = () if index % EVERY else (_picture(to_rgb(planes)) for planes in frames)
            values.append(None if index % EVERY else float(compute_ssimulacra2(*pictures)))
        return {"ssimulacra2": values}


def _picture(rgb: npt.NDArray[np.uint8]) -> io.BytesIO:
    """A file in memory without loss, since the package reads files."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "BMP")
    file.seek(0)
    return file
