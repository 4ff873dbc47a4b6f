"""A bundle that is attached to a stream and is gone afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from bitstream.container import StreamReader
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


def with_damage(stream: Path, name: str, target: Path) -> Path:
    """A copy of a stream in which the last byte of an attached file is another one."""
    data = bytearray(stream.read_bytes())
    attached = StreamReader(stream).attached_model()
    assert attached is not None
    (entry,) = (each for each in attached.files if each.name == name)
    data[entry.position + entry.size - 1] ^= 1
    target.write_bytes(data)
    return target
