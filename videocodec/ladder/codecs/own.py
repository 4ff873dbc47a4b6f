"""The codec of this package, through ``encode`` and ``decode``."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2

from ...encoder.settings import MAX_CRF
from ...media.colour import YuvWriter
from ...models.bundle import ModelBundle
from ...presets import PRESETS, preset_named
from ...version import __version__
from ..clips import Clip
from ..planes import untagged
from ..schema import DecoderBytes
from ..sources import ROOT, needed_by
from .base import Codec, DecodedFrame, Encoded, EncodeTask

if TYPE_CHECKING:
    from ...decoder.frame import Frame

_ENCODER, _DECODER = "videocodec/encoder/api.py", "videocodec/decoder/frames.py"
# and OpenCV, whose distributions have several names
_COMPUTING = ("torch", "diffusers", "av", "numpy", "constriction")
_LIBRARIES = ("torch", "constriction", "safetensors", "numpy")


class VideoCodec(Codec):
    """Keyframes as quantised latents; a bitrate in as many passes as it takes."""

    name, label, place = "videocodec", "videocodec", 0
    presets, default_preset = tuple(reversed(PRESETS)), "medium"
    crf_range, default_crfs = (0, MAX_CRF), (20, 26, 32, 38, 44, 50, 56, 62)

    def missing(self) -> str | None:
        return None

    def warm_up(self) -> None:
        from ...decoder import frames  # noqa: F401
        from ...encoder import pipeline  # noqa: F401
        from ...models import loading  # noqa: F401

    def versions(self, model: str) -> dict[str, str]:
        sources = {"version": __version__, "sources": _sources_sha256(), "opencv": cv2.__version__}
        return sources | {name: version(name) for name in _COMPUTING} | _identity(model)

    def encode(self, task: EncodeTask) -> Encoded:
        from ...encoder.api import encode

        crf = int(task.value) if task.mode == "crf" else None
        bitrate = round(task.value) if task.mode == "bitrate" else None
        report = encode(
            task.source,
            task.target,
            crf=crf,
            bitrate=bitrate,
            preset=preset_named(task.preset),
            gop_size=task.gop_size,
            model=task.model,
            perceptual=task.perceptual,
            device="cpu",
            threads=task.threads,
        )
        words = [
            "videocodec",
            "encode",
            str(task.source),
            str(task.target),
            f"--crf={crf}" if bitrate is None else f"--bitrate={bitrate}",
        ]
        words += [
            f"--preset={task.preset}",
            f"--gop-size={task.gop_size}",
            f"--model={task.model}",
            "--device=cpu",
        ]
        words += [f"--perceptual={task.perceptual}"] if task.perceptual else []
        return Encoded(
            shlex.join([*words, f"--threads={task.threads}"]),
            report.passes,
            round(report.crf, 2),
            report.warnings,
        )

    def frame_bytes(self, path: Path) -> list[int]:
        from bitstream.container import StreamReader

        with StreamReader(path) as reader:
            units = [(unit.size, unit.frame_count) for unit in reader.index()]
        # The frames of a group share one entropy stream: every one counts for an equal part of it,
        # whole bytes in all.
        return [
            size * (place + 1) // frames - size * place // frames
            for size, frames in units
            for place in range(frames)
        ]

    def decode(self, path: Path, clip: Clip, threads: int, model: str) -> Iterator[DecodedFrame]:
        from ...decoder.frames import decode_frames

        for frame in decode_frames(path, model=model, device="cpu", threads=threads):
            yield DecodedFrame(float(frame.pts_seconds), partial(_planes, frame, clip))

    def tuned_for(self, model: str, perceptual: bool) -> str:
        # Said of the bundles that this project trained: of others their model cards tell.
        name = ModelBundle.find(model).name
        embedded = name in ("embedded", "embedded-unet", "second")
        trained = "trained with squared error and lpips-squeeze" if embedded else "see its model"
        if perceptual:
            return f"{trained}, aimed with the weights given"
        tuned = ", keyframes aimed at squared error and structure from preset medium on"
        return trained + tuned if name == "second" else trained

    def decoder_bytes(self, model: str) -> DecoderBytes:
        bundle = ModelBundle.find(model)
        weights = sum(
            file.stat().st_size for name, file in bundle.files if name.endswith(".safetensors")
        )
        return {
            "model": weights,
            "code": sum(file.stat().st_size for file in needed_by(_DECODER)),
            "libraries": sum(map(_installed_bytes, _LIBRARIES)),
        }


def _planes(frame: Frame, clip: Clip) -> av.VideoFrame:
    return untagged(YuvWriter(clip.colour, "yuv420p")(frame.data.transpose(1, 2, 0)))


@cache
def _sources_sha256() -> str:
    """Over all code that coded bytes and decoded pictures can depend on."""
    hashed = hashlib.sha256()
    for file in needed_by(_ENCODER, _DECODER):
        hashed.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    return hashed.hexdigest()


@cache
def _identity(model: str) -> dict[str, str]:
    bundle = ModelBundle.find(model)
    return {"model": bundle.name, "model_sha256": bundle.sha256}


def _installed_bytes(distribution: str) -> int:
    """As its list of files says; 0 where there is none."""
    try:
        return sum(file.size or 0 for file in files(distribution) or ())
    except PackageNotFoundError:
        return 0
