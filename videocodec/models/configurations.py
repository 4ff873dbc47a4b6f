"""Configurations of the families that single files belong to: ``families/NAME.json`` holds those of
the autoencoder and, where videocodec can restore with it, of the UNet and its noise schedule.

No torch here.
"""

from __future__ import annotations

import json
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent / "families"
FAMILIES = ("sd1", "sd2", "sd2-base", "sdxl", "sd3", "flux", "taesd")


def configurations(family: str) -> dict[str, dict[str, object]]:
    """The config.json of "vae", and of "unet" and "scheduler" if there are any, of one of
    ``FAMILIES``.
    """
    return json.loads((_FOLDER / f"{family}.json").read_text())  # type: ignore[no-any-return]
