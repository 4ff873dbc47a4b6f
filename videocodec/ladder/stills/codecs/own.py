"""The codec of this package, with a picture as a video of one frame."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from ....encoder.settings import MAX_CRF
from ....provenance import ProvenanceCount
from ....scaling import SCALES
from ...codecs import codec_named
from .base import DecodedStill, Rgb, StillCodec, StillTask


class OwnStill(StillCodec):
    """A keyframe of quantised latents.

    Shares of the size that the format has are coded as such, and decoders show them at full size;
    smaller ones are of a picture that was made smaller before.
    """

    name, label, suffix = "videocodec", "videocodec", ".lv.mp4"
    setting_name, settings = "crf", tuple(float(crf) for crf in range(MAX_CRF, -1, -1))
    counted = "the access unit with all its headers"

    def missing(self) -> str | None:
        return None

    def versions(self, model: str) -> dict[str, str]:
        return codec_named("videocodec").versions(model)

    def encode(self, task: StillTask) -> None:
        from ....encoder.api import encode

        in_format = task.share in SCALES
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "picture.png"
            _write_png(source, task.rgb if in_format else task.shrunk())
            encode(
                source,
                task.target,
                crf=int(task.setting),
                scale=task.share if in_format else 1,
                model=task.model,
                device="cpu",
                threads=task.threads,
                overwrite=True,
            )

    def picture_bytes(self, path: Path) -> int:
        return sum(codec_named("videocodec").frame_bytes(path))

    def decode(self, path: Path, model: str, threads: int) -> DecodedStill:
        from ....decoder.frames import decode_frames

        frame = next(iter(decode_frames(path, model=model, device="cpu", threads=threads)))
        count = ProvenanceCount()
        count.add(frame.kind, frame.provenance)
        rgb = np.ascontiguousarray(frame.data.transpose(1, 2, 0))
        return DecodedStill(rgb, count.total())


def _write_png(path: Path, rgb: Rgb) -> None:
    cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
