"""A neural video codec: keyframes as quantised latents, inter frames as latent motion and
residuals, exact on every machine.

videocodec.encode("clip.mp4", "clip.lv.mp4", crf=32)
videocodec.decode("clip.lv.mp4", "out.mp4")
for frame in videocodec.decode_frames("clip.lv.mp4"): frame.data  # (3, H, W) uint8
with videocodec.VideoReader("clip.lv.mp4") as video: video[120].data

Errors of files, models, machines and settings, ``videocodec.errors``, are all a
``videocodec.LatentVideoError``.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from . import forking as forking  # watches for children from now on

if TYPE_CHECKING:
    from .calibration.api import CalibrationReport, calibrate
    from .decoder.api import DecodeReport, decode
    from .decoder.frame import Frame
    from .decoder.frames import decode_frames
    from .encoder.api import encode
    from .encoder.report import EncodeReport
    from .errors import LatentVideoError
    from .inspection.info import StreamInfo, info
    from .inspection.repair import RepairReport, repair
    from .inspection.verify import VerifyReport, verify
    from .provenance import PROVENANCE_NAMES
    from .reader.batch import FrameBatch
    from .reader.reader import VideoReader

# Threads of libgomp, which shares PyTorch's work between cores, wait for each other by spinning for
# a long time unless told otherwise. Beside other programs that steals the core from the very thread
# they wait for: a frame then takes ten times as long.  It reads this when PyTorch is loaded; who
# has set anything of the kind is left in peace.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "10000"

# Names are imported when first used: ``info`` and ``verify`` need no torch, and ``--help`` needs
# nothing.
_HOMES = {
    "calibrate": "calibration.api",
    "CalibrationReport": "calibration.api",
    "encode": "encoder.api",
    "EncodeReport": "encoder.report",
    "decode": "decoder.api",
    "DecodeReport": "decoder.api",
    "decode_frames": "decoder.frames",
    "Frame": "decoder.frame",
    "PROVENANCE_NAMES": "provenance",
    "info": "inspection.info",
    "StreamInfo": "inspection.info",
    "verify": "inspection.verify",
    "VerifyReport": "inspection.verify",
    "VideoReader": "reader.reader",
    "repair": "inspection.repair",
    "RepairReport": "inspection.repair",
    "FrameBatch": "reader.batch",
    "LatentVideoError": "errors",
}
__all__ = [
    "PROVENANCE_NAMES",
    "CalibrationReport",
    "DecodeReport",
    "EncodeReport",
    "Frame",
    "FrameBatch",
    "LatentVideoError",
    "RepairReport",
    "StreamInfo",
    "VerifyReport",
    "VideoReader",
    "calibrate",
    "decode",
    "decode_frames",
    "encode",
    "info",
    "repair",
    "verify",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
