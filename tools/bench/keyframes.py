"""Keyframes against SVT-AV1 intra: real bytes, PSNR and lpips-squeeze over the first frames of a
folder of clips.

    python -m tools.bench.keyframes --clips DIR --lpips FILE [--bundle NAME_OR_DIR]
        [--bpp 0.25 0.13] [--results]

Bytes of ours are whole access units (header and checksums included), of SVT-AV1 the packet.
Figures at a bitrate are interpolated in log bpp over the quantiser, per codec, on the means over
the clips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.quantiser import step_latent
from tools.bench import svtav1_intra
from tools.bench.bpp_curves import at_bpp
from tools.bench.markdown import Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import quality
from tools.bench.results import Report
from videocodec.encoder.frame_encoder import EncoderFrame
from videocodec.encoder.group_encoder import GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime

Measured = tuple[float, float, float]  # bpp, PSNR in dB, lpips-squeeze


def coded_by_videocodec(
    path: Path, crf: int, runtime: AutoencoderRuntime, perceptual: LpipsSqueeze
) -> Measured:
    """A clip's first frame as a keyframe, decoded from its bytes."""
    with VideoSource(path, max_frames=1) as source:
        settings = EncoderSettings(crf=crf)
        header = sequence_header(source, runtime.bundle, settings)
        frame = next(iter(source))
    latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
    search = MotionSearch.for_header(header, flow_preset=0)
    encoder = GroupEncoder(runtime.bundle.tables, header, settings, search)
    frames = encoder.push(EncoderFrame(latents, search.luma(frame.rgb), 0, 1))
    (unit,) = [*frames, *encoder.finish()]
    data = unit.to_bytes()
    (decoded,) = LatentDecoder(runtime.bundle.tables).decode(AccessUnit.parse(data))
    shape = (1, *decoded.latents.shape[1:])
    steps = np.full(shape, step_latent(decoded.quantiser), dtype=np.float32)
    picture = runtime.decode(decoded.latents[None], steps, header.height, header.width)[0]
    bpp = len(data) * 8 / (header.width * header.height)
    return bpp, *quality(picture, frame.rgb, perceptual)


def coded_by_svtav1(path: Path, crf: int, perceptual: LpipsSqueeze) -> Measured:
    """The same by SVT-AV1, one frame."""
    with VideoSource(path, max_frames=1) as source:
        rgb = next(iter(source)).rgb
    size, decoded = svtav1_intra.code_picture(rgb, crf)
    return size * 8 / (rgb.shape[0] * rgb.shape[1]), *quality(decoded, rgb, perceptual)


def curve(
    clips: Sequence[Path], crfs: Sequence[int], measure: Callable[[Path, int], Measured]
) -> Table:
    """Means over the clips, a row for each crf."""
    table = Table(["crf", "bpp", "PSNR dB", "lpips-squeeze"], ["{}", "{:.3f}", "{:.2f}", "{:.3f}"])
    for crf in crfs:
        means = np.mean([measure(path, crf) for path in clips], axis=0)
        print(table.add(crf, *map(float, means)), file=sys.stderr, flush=True)
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("keyframes", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--bundle", default="embedded")
    cli.add_argument("--bpp", type=float, nargs="+", default=[0.25, 0.13])
    cli.add_argument("--crf", type=int, nargs="+", default=[20, 24, 28, 32, 36, 40, 44, 48, 52, 56])
    cli.add_argument("--svtav1-crf", type=int, nargs="+", default=[30, 35, 40, 45, 50, 55, 60, 63])
    cli.add_argument("--no-svtav1", action="store_true")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    perceptual = LpipsSqueeze(args.lpips)
    runtime = AutoencoderRuntime(ModelBundle.find(args.bundle), "cpu")
    clips = clip_paths(args)
    report = Report(args, models=[runtime.bundle], clips=clips)
    curves = {
        "videocodec": curve(
            clips, args.crf, lambda path, crf: coded_by_videocodec(path, crf, runtime, perceptual)
        )
    }
    if not args.no_svtav1:
        curves["SVT-AV1 intra"] = curve(
            clips, args.svtav1_crf, lambda path, crf: coded_by_svtav1(path, crf, perceptual)
        )
    heads = [f"{figure} at {bpp:g} bpp" for bpp in args.bpp for figure in ("PSNR dB", "lpips")]
    equal = Table(["codec", *heads], ["{}", *["{:.2f}", "{:.3f}"] * len(args.bpp)])
    for name, table in curves.items():
        report.table(name, table, f"{name}, mean over {len(clips)} clips")
        equal.add(name, *(value for bpp in args.bpp for value in at_bpp(table, bpp)))
    report.table("equal bytes", equal, "Interpolated over log bpp")
    report.save()


if __name__ == "__main__":
    main()
