"""ColorVideoVDP by the package ``cvvdp``."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .base import Figure, Metric, Pair, Series, too_small

if TYPE_CHECKING:
    from ..clips import Clip

DISPLAY = "standard_fhd"  # 24 inches, 1920x1080, 200 cd/m², from twice its height
_SMALLEST_SIDE = 64  # px
_PACKAGES = ("cvvdp", "torchvision", "torch")


class CvvdpMetric(Metric):
    """ColorVideoVDP (Mantiuk et al. 2024), in just-objectionable differences down from 10.

    The clip is judged as a video at its frame rate.  The score is no mean over frames: it stands at
    the first frame, and the others have none.  All frames are in memory as RGB, both clips' at a
    time.
    """

    name, place = "cvvdp", 0.7
    figures = (Figure("cvvdp", "ColorVideoVDP", "JOD", True, 3, perfect=10),)

    def missing(self, clip: Clip | None = None) -> str | None:
        return _import_error() or too_small(clip, _SMALLEST_SIDE, "its pyramid needs")

    def identity(self) -> dict[str, str]:
        return {name: version(name) for name in _PACKAGES} | {"display": DISPLAY}

    def measure(self, pair: Pair) -> Series:
        import numpy as np
        import torch
        from pycvvdp import cvvdp

        from ..planes import ToRgb

        torch.set_num_threads(1)  # every job has a process of its own
        to_rgb = ToRgb(pair.clip)
        reference, distorted = (
            np.stack([to_rgb(planes) for planes in frames])
            for frames in (pair.reference, pair.distorted)
        )
        metric = cvvdp(display_name=DISPLAY, device=torch.device("cpu"), quiet=True)
        with torch.inference_mode():
            score, _ = metric.predict(
                distorted,
                reference,
                dim_order="FHWC",
                frames_per_second=float(Fraction(pair.clip.rate)),
            )
        return {"cvvdp": [float(score), *[None] * (len(reference) - 1)]}


@cache
def _import_error() -> str | None:
    """Why the package cannot be used, None if it can."""
    if find_spec("pycvvdp") is None:
        return "needs the package cvvdp: pip install 'videocodec[cvvdp]'"
    try:
        import pycvvdp  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return (
            "the package cvvdp does not import, mostly because torchvision was built for another"
            f" torch: {first}"
        )
    return None
