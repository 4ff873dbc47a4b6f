"""Colour bars in every matrix, range, subsampling and depth, through an encode at crf 0 and back.

    python -m tools.bench.colour_bars [--results]

The bars are made without FFmpeg's conversions: any matrix or range that is mixed up on the way
shows as a shift of hue or of levels.  What the network itself does to them is in the line of the
bars in RGB.
"""

from __future__ import annotations

import argparse
import colorsys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import av
import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec import decode_frames, encode
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle

BARS = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
    (128, 96, 72),
)
_WIDTH, _HEIGHT, _EDGE = 32, 128, 8  # px of a bar, and what of its sides is not looked at
_WEIGHTS = {"BT.601": (0.299, 0.114, 5), "BT.709": (0.2126, 0.0722, 1)}  # of red and blue; code
_SUBSAMPLED = {"4:2:0": (2, 2), "4:2:2": (2, 1), "4:4:4": (1, 1)}


@dataclass(frozen=True)
class Case:
    """How the bars are stored; RGB where ``matrix`` is None."""

    matrix: str | None = None
    full_range: bool = True
    subsampling: str = "4:4:4"
    bits: int = 8

    @property
    def name(self) -> str:
        """For tables."""
        if self.matrix is None:
            return "RGB"
        extent = "full" if self.full_range else "limited"
        return f"{self.matrix}, {extent} range, {self.subsampling}, {self.bits} bits"

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name."""
        if self.matrix is None:
            return "bgr0"
        return f"yuv{self.subsampling.replace(':', '')}p" + ("10le" if self.bits == 10 else "")


CASES = (
    Case(),
    *(
        Case(matrix, full_range, subsampling, bits)
        for matrix, full_range, subsampling, bits in product(
            _WEIGHTS, (False, True), _SUBSAMPLED, (8, 10)
        )
    ),
)


def bars() -> np.ndarray:
    """uint8 height × width × 3."""
    row = np.repeat(np.array(BARS, np.uint8), _WIDTH, axis=0)
    return np.broadcast_to(row, (_HEIGHT, *row.shape)).copy()


def planes(case: Case) -> list[np.ndarray]:
    """The samples of the bars in the order of the pixel format, ITU-R BT.601 and BT.709."""
    rgb = bars()
    if case.matrix is None:
        return [np.dstack([rgb[..., ::-1], np.zeros_like(rgb[..., 0])])]
    red_weight, blue_weight, _ = _WEIGHTS[case.matrix]
    red, green, blue = np.moveaxis(rgb / 255.0, -1, 0)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma = [
        (blue - luma) / (2 * (1 - blue_weight)),
        (red - luma) / (2 * (1 - red_weight)),
    ]
    scale, most = 1 << (case.bits - 8), (1 << case.bits) - 1
    luma_scale, black = (most, 0) if case.full_range else (219 * scale, 16 * scale)
    chroma_scale = most if case.full_range else 224 * scale
    across, down = _SUBSAMPLED[case.subsampling]
    kind = np.uint8 if case.bits == 8 else np.dtype("<u2")
    samples = [luma * luma_scale + black]
    # bars begin at even places, so that leaving samples out is exact
    samples += [part[::down, ::across] * chroma_scale + 128 * scale for part in chroma]
    return [np.rint(part).clip(0, most).astype(kind) for part in samples]


def write(case: Case, path: Path) -> None:
    """One frame of bars, lossless, with its tags."""
    height, width = _HEIGHT, _WIDTH * len(BARS)
    frame = av.VideoFrame(width, height, case.pixel_format)
    for plane, samples in zip(frame.planes, planes(case), strict=True):
        rows = samples.reshape(len(samples), -1).view(np.uint8)
        padded = np.zeros((len(samples), plane.line_size), np.uint8)
        padded[:, : rows.shape[1]] = rows
        plane.update(padded.tobytes())
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25, width=width, height=height)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = case.pixel_format
        context = stream.codec_context
        context.color_range = 2 if case.full_range else 1
        code = 0 if case.matrix is None else _WEIGHTS[case.matrix][2]
        context.colorspace = frame.colorspace = code
        frame.color_range = context.color_range
        frame.pts = 0
        output.mux([*stream.encode(frame), *stream.encode()])


def means(picture: np.ndarray) -> np.ndarray:
    """RGB of the inner part of every bar, bars × 3, of uint8 height × width × 3."""
    inner = picture.reshape(_HEIGHT, len(BARS), _WIDTH, 3)[_EDGE:-_EDGE, :, _EDGE:-_EDGE]
    return np.asarray(inner.mean(axis=(0, 2)))


def hue_shift(found: np.ndarray, wanted: np.ndarray) -> float:
    """Degrees between hues, the largest over the coloured bars; both bars × 3."""
    shifts = []
    for one, other in zip(found, wanted, strict=True):
        if other.max() - other.min() > 1:  # grey has no hue
            before, after = (colorsys.rgb_to_hsv(*rgb)[0] * 360 for rgb in (other, one))
            shifts.append(abs((after - before + 180) % 360 - 180))
    return max(shifts)


def as_read(case: Case, folder: Path) -> np.ndarray:
    """RGB of every bar as the encoder reads it."""
    write(case, folder / "bars.mkv")
    with VideoSource(folder / "bars.mkv") as source:
        (frame,) = source
    return means(frame.rgb)


def as_decoded(folder: Path) -> np.ndarray:
    """RGB of every bar of ``as_read`` after an encode at crf 0 and back."""
    source, target = folder / "bars.mkv", folder / "bars.lv.mp4"
    encode(source, target, crf=0, preset="fast", device="cpu", overwrite=True, model="embedded")
    (frame,) = decode_frames(target, device="cpu")
    return means(np.moveaxis(frame.data, 0, -1))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    return bench_parser("colour_bars", __doc__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    report = Report(parse(parser(), arguments), models=[ModelBundle.find("embedded")])
    columns = ["bars", "hue as read", "level as read", "hue decoded", "level decoded", "from RGB's"]
    table = Table(columns, ["{}", "{:.1f}°", "{:.1f}", "{:.1f}°", "{:.1f}", "{:.1f}"])
    wanted = means(bars())
    by_network: np.ndarray | None = None
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            read, decoded = as_read(case, Path(folder)), as_decoded(Path(folder))
            by_network = decoded if by_network is None else by_network
            table.add(
                case.name,
                hue_shift(read, wanted),
                float(np.abs(read - wanted).max()),
                hue_shift(decoded, wanted),
                float(np.abs(decoded - wanted).max()),
                float(np.abs(decoded - by_network).max()),
            )
            print(*table.rows[-1], flush=True)
    report.table("bars", table, "75 % bars at crf 0; levels of 255")
    report.save()


if __name__ == "__main__":
    main()
