"""Pictures beside their sources by several measures, and curves of them over the quantiser."""

from __future__ import annotations

import io
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from tools.bench.markdown import Table
from tools.bench.options import VIDEO_SUFFIXES
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.ladder.metrics.vmaf import Vmaf
from videocodec.ladder.stills.pictures import StillPicture
from videocodec.media.source import VideoSource
from videocodec.training.losses import grey_level_error
from videocodec.training.second.losses import colour_planes

# Gives bytes and decoded RGB of a picture at a quantiser.
Coded = Callable[[np.ndarray, int], tuple[int, np.ndarray]]


def load_picture(file: Path) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a picture, or of a clip's first frame."""
    if file.suffix in VIDEO_SUFFIXES:
        with VideoSource(file, max_frames=1) as source:
            return next(iter(source)).rgb
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise SystemExit(f"{file}: no picture")
    return picture


class PictureFigures:
    """PSNR of RGB, of luma and of the colour differences (BT.601) in dB, and SSIMULACRA2;
    lpips-squeeze where its weights are given; with ``vmaf``, and where there is an ffmpeg program
    with libvmaf, VMAF and VMAF-NEG of the picture as a clip of one frame.
    """

    def __init__(self, lpips: LpipsSqueeze | None, *, vmaf: bool = False) -> None:
        self._lpips, self._vmaf = lpips, Vmaf({})
        self.names = ["RGB PSNR dB", "luma PSNR dB", "colour PSNR dB", "SSIMULACRA2"]
        self.formats = ["{:.2f}", "{:.2f}", "{:.2f}", "{:.1f}"]
        if lpips is not None:
            self.names.append("lpips-squeeze")
            self.formats.append("{:.3f}")
        self._has_vmaf = vmaf and self._vmaf.missing() is None
        if self._has_vmaf:
            self.names += ["VMAF", "VMAF-NEG"]
            self.formats += ["{:.1f}", "{:.1f}"]

    def __call__(self, decoded: np.ndarray, source: np.ndarray) -> list[float]:
        """Of one picture, both RGB uint8 (H, W, 3)."""
        first, second = (
            torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1
            for p in (decoded, source)
        )
        error = grey_level_error(first, second)
        planes = (error, *colour_planes(error))
        found = [10 * math.log10(255**2 / max(float(p.square().mean()), 1e-9)) for p in planes]
        files = []
        for picture in (source, decoded):
            files.append(io.BytesIO())
            Image.fromarray(picture).save(files[-1], "BMP")
            files[-1].seek(0)
        found.append(float(compute_ssimulacra2(*files)))
        if self._lpips is not None:
            with torch.inference_mode():
                found.append(float(self._lpips(first, second)))
        return [*found, *self._by_vmaf(decoded, source)] if self._has_vmaf else found

    def _by_vmaf(self, decoded: np.ndarray, source: np.ndarray) -> list[float]:
        height, width = (side - side % 2 for side in source.shape[:2])
        with tempfile.TemporaryDirectory() as folder:
            picture = StillPicture("picture", "", np.ascontiguousarray(source[:height, :width]))
            cut = np.ascontiguousarray(decoded[:height, :width])
            series = self._vmaf.measure(picture.pair(cut, Path(folder)))
        return [float(series[name][0] or 0) for name in ("vmaf", "vmaf_neg")]


def curve(
    pictures: Sequence[np.ndarray],
    quantisers: Sequence[int],
    code: Coded,
    figures: PictureFigures,
    name: Callable[[int], float],
) -> Table:
    """Means over the pictures, a row for each quantiser, which ``name`` gives its name."""
    table = Table(["quantiser", "bpp", *figures.names], ["{:g}", "{:.3f}", *figures.formats])
    for quantiser in quantisers:
        rows = []
        for picture in pictures:
            size, decoded = code(picture, quantiser)
            bpp = 8 * size / (picture.shape[0] * picture.shape[1])
            rows.append([bpp, *figures(decoded, picture)])
        means = [float(value) for value in np.mean(rows, axis=0)]
        print(table.add(name(quantiser), *means), file=sys.stderr, flush=True)
    return table
