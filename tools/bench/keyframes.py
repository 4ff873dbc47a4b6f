"""Keyframes against SVT-AV1 intra: real bytes, PSNR and lpips-squeeze over the first frames of a
folder of clips.

    python -m tools.bench.keyframes --clips DIR --lpips FILE [--bundle NAME_OR_DIR] [--bpp 0.25
    0.13]

Bytes of ours are whole access units (header and checksums included), of SVT-AV1 the packet.
Figures at a bitrate are interpolated in log bpp over the quantiser, per codec, on the means over
the clips.
"""

from __future__ import annotations

import argparse
import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

os.environ.setdefault("SVT_LOG", "1")  # errors only
from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.quantiser import step_latent
from videocodec.encoder.group_encoder import EncoderFrame, GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime


def quality(
    decoded: np.ndarray, source: np.ndarray, perceptual: LpipsSqueeze
) -> tuple[float, float]:
    """PSNR over RGB in dB and lpips-squeeze."""
    mse = np.mean((decoded.astype(np.float64) - source) ** 2)
    tensors = [
        torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in (decoded, source)
    ]
    with torch.inference_mode():
        return float(10 * np.log10(255**2 / max(mse, 1e-9))), float(perceptual(*tensors))


def ours(
    path: Path, crf: int, runtime: AutoencoderRuntime, perceptual: LpipsSqueeze
) -> tuple[float, float, float]:
    """bpp, PSNR, lpips of a clip's first frame as a keyframe, decoded from its bytes."""
    with VideoSource(path, max_frames=1) as source:
        settings = EncoderSettings(crf=crf)
        header = sequence_header(source, runtime.bundle, settings)
        frame = next(iter(source))
        latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
        search = MotionSearch.for_header(header, flow_preset=0)
        frames = EncoderFrame(latents, search.luma(frame.rgb), 0, 1)
        encoder = GroupEncoder(runtime.bundle.tables, header, settings, search)
        (unit,) = [*encoder.push(frames), *encoder.finish()]
        data = unit.to_bytes()
        (decoded,) = LatentDecoder(runtime.bundle.tables).decode(AccessUnit.parse(data))
        steps = np.full(
            (1, *decoded.latents.shape[1:]), step_latent(decoded.quantiser), dtype=np.float32
        )
        picture = runtime.decode(decoded.latents[None], steps, header.height, header.width)[0]
        return len(data) * 8 / (header.width * header.height), *quality(
            picture, frame.rgb, perceptual
        )


def svtav1(path: Path, crf: int, perceptual: LpipsSqueeze) -> tuple[float, float, float]:
    """The same by SVT-AV1, one frame, preset 5."""
    with VideoSource(path, max_frames=1) as source:
        rgb = next(iter(source)).rgb
    height, width = rgb.shape[:2]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ivf") as output:
        stream = output.add_stream(
            "libsvtav1",
            rate=25,
            options={"crf": str(crf), "preset": "5", "svtav1-params": "avif=1"},
        )
        stream.width, stream.height, stream.pix_fmt, stream.time_base = (
            width,
            height,
            "yuv420p",
            Fraction(1, 25),
        )
        stream.codec_context.colorspace, stream.codec_context.color_range = 5, 1
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=5, dst_color_range=1
        )
        frame.pts = 0
        packets = [*stream.encode(frame), *stream.encode(None)]
        size = sum(p.size for p in packets)
        for packet in packets:
            output.mux(packet)
    buffer.seek(0)
    with av.open(buffer) as container:
        decoded = (
            next(container.decode(video=0))
            .reformat(format="rgb24", src_colorspace=5, src_color_range=1)
            .to_ndarray()
        )
    return size * 8 / (height * width), *quality(decoded, rgb, perceptual)


def at_bpp(rows: np.ndarray, bpp: float) -> str:
    """PSNR and lpips interpolated in log bpp, or that the bitrate lies outside the curve."""
    rows = rows[rows[:, 0].argsort()]
    if not rows[0, 0] <= bpp <= rows[-1, 0]:
        return f"outside {rows[0, 0]:.3f}..{rows[-1, 0]:.3f} bpp"
    values = [np.interp(np.log(bpp), np.log(rows[:, 0]), rows[:, i]) for i in (1, 2)]
    return f"PSNR {values[0]:.2f} dB, lpips-squeeze {values[1]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--bundle", default="embedded")
    parser.add_argument("--bpp", type=float, nargs="+", default=[0.25, 0.13])
    parser.add_argument(
        "--crf", type=int, nargs="+", default=[20, 24, 28, 32, 36, 40, 44, 48, 52, 56]
    )
    parser.add_argument(
        "--svtav1-crf", type=int, nargs="+", default=[30, 35, 40, 45, 50, 55, 60, 63]
    )
    parser.add_argument("--no-svtav1", action="store_true")
    args = parser.parse_args()
    perceptual = LpipsSqueeze(args.lpips)
    runtime = AutoencoderRuntime(ModelBundle.find(args.bundle), "cpu")
    clips = sorted(f for f in args.clips.iterdir() if f.suffix in {".mp4", ".mkv"})
    codecs = {"videocodec": (args.crf, lambda path, crf: ours(path, crf, runtime, perceptual))}
    if not args.no_svtav1:
        codecs["SVT-AV1 intra"] = (args.svtav1_crf, lambda path, crf: svtav1(path, crf, perceptual))
    for name, (crfs, measure) in codecs.items():
        print(
            f"\n{name}, mean over {len(clips)} clips\n| crf | bpp | PSNR dB | lpips-squeeze"
            " |\n|---|---|---|---|"
        )
        rows = []
        for crf in crfs:
            rows.append(np.mean([measure(path, crf) for path in clips], axis=0))
            print(
                f"| {crf} | {rows[-1][0]:.3f} | {rows[-1][1]:.2f} | {rows[-1][2]:.3f} |", flush=True
            )
        for bpp in args.bpp:
            print(f"at {bpp} bpp: {at_bpp(np.array(rows), bpp)}")


if __name__ == "__main__":
    main()
