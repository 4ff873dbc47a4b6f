"""A bundle that is attached to a stream and is gone afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from videocodec import decode_frames, encode
from videocodec.models.bundle import BUNDLES, ModelBundle

from ...stock_models import quick_bundle

CPU = {"device": "cpu", "threads": 1}
WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
ROOT = BUNDLES.parents[1]


class Made:
    """A bundle, a stream with it attached, and one without."""

    def __init__(self, folder: Path, movie: Path) -> None:
        self.bundle = quick_bundle(folder / "away", restores="plain")
        self.sha256, self.files = (
            ModelBundle.find(self.bundle).sha256,
            dict(ModelBundle.find(self.bundle).files),
        )
        self.stream, self.without = folder / "with.lv.mp4", folder / "without.lv.mp4"
        self.report = encode(
            movie, self.stream, model=self.bundle, preset="veryfast", embed_model=True, **CPU
        )
        self.plain_report = encode(movie, self.without, model=self.bundle, preset="veryfast", **CPU)
        self.frames = [
            frame.data for frame in decode_frames(self.without, model=self.bundle, **CPU)
        ]
        self.kept = folder / "kept"
        shutil.move(self.bundle, self.kept)  # from here on nobody finds it by where it was
