"""This codec against x264, x265 and SVT-AV1 on whole clips: bytes at equal lpips-squeeze and at equal PSNR.

    python tools/bench_codecs.py --clips DIR --lpips FILE [--crf 20 26 32 …] [--codecs videocodec x264 x265 svtav1]
                                 [--max-frames N] [--only NAME …] [--gop-size 250] [--cache DIR]

The references get the decoded YUV 4:2:0 pictures of the source, without a detour over RGB and with the source's colour tags,
in constant quality (crf), with the same longest distance of keyframes; x264 and x265 may add keyframes at scene cuts.  They are
written to an MP4 file and read back as the source is read.  Bytes are the samples of that file: no container, no parameter sets
outside the samples, and without the message in which x264 lists its options (700 bytes, a tenth of a small clip).  Ours are
whole access units.  PSNR is that of all frames in RGB, lpips-squeeze that of every sixth, both as means of the frames.

With ``--cache`` every rung is kept as JSON under a name made of all it depends on, so that another run measures only what is new.

Then by comparison, per clip: BD-rate (Bjøntegaard delta, Akima interpolation; negative: ours needs fewer bytes); kbit/s at the
lpips of some of our rungs; BD-rate where ours takes less than 60 kbit/s.  "Overlap" is the part of our range of quality that
the reference reaches too: only that is compared.  Needs ``pip install bjontegaard``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import torch

os.environ.setdefault("SVT_LOG", "1")  # errors only
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import videocodec  # noqa: E402
from tools.bench_keyframes import quality  # noqa: E402
from videocodec.decoder.frames import decode_frames  # noqa: E402
from videocodec.media.source import VideoSource  # noqa: E402
from videocodec.models.bundle import ModelBundle  # noqa: E402
from videocodec.networks.perceptual import LpipsSqueeze  # noqa: E402

THREADS = 2  # of the encoders
NETWORK_THREADS = 1  # a second one mostly waits for the first when other programs run
OURS = "videocodec"
LPIPS_EVERY = 6
LOW_RATE = 60  # kbit/s
COMPARED_CRF = (32, 44, 56)
MEASURE_VERSION = 1  # to be raised when figures of older caches no longer compare


@dataclass(frozen=True)
class Reference:
    """An encoder of PyAV, its options, and its ladder: crf from above our best quality to below our worst."""

    library: str
    options: dict[str, str]
    ladder: tuple[str, ...]
    crf_option: str = "crf"

    def options_at(self, rung: str, gop_size: int) -> dict[str, str]:
        """Options of PyAV for one rung of the ladder: a crf, and behind a colon what else the rung sets."""
        options = self.options | {"g": str(gop_size)}
        before = f"{options[self.crf_option]}:crf=" if self.crf_option in options else ""
        return options | {self.crf_option: before + rung}


# SVT-AV1 ends at crf 70, on still clips far above our lowest rates: below that it codes half the width (super-resolution of AV1).
SUPERRES = ":superres-mode=1:superres-denom=16:superres-kf-denom=16"
# One frame thread for x265: more cost quality.  chroma_sample_location: AV1 says nothing by default, and its chroma would then be
# read half a pixel beside that of the source; H.264 and H.265 mean "left" when they say nothing.
X26_LADDER = ("25", "30", "34", "38", "42", "46", "51")
X265_PARAMETERS = f"pools={THREADS}:frame-threads=1:info=0:log-level=error"
SVTAV1_LADDER = ("40", "50", "57", "61", "63", "65", "67", "70", f"66{SUPERRES}", f"70{SUPERRES}")
REFERENCES = {
    "x264": Reference("libx264", {"preset": "veryslow"}, X26_LADDER),
    "x265": Reference("libx265", {"preset": "slow", "x265-params": X265_PARAMETERS}, X26_LADDER),
    "svtav1": Reference(  # crf as its own parameter, since FFmpeg's ends at 63
        "libsvtav1",
        {"preset": "5", "svtav1-params": f"lp={THREADS}", "chroma_sample_location": "left"},
        SVTAV1_LADDER,
        crf_option="svtav1-params",
    ),
}


class Clip:
    """A source and, once they are needed, its YUV pictures."""

    def __init__(self, path: Path, max_frames: int | None) -> None:
        self.path, self.max_frames, self.name = path, max_frames, path.stem

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def frames(self) -> list[av.VideoFrame]:
        """Decoded 4:2:0 frames in display order."""
        frames = []
        with av.open(str(self.path)) as container:
            for frame in container.decode(video=0):
                if frame.format.name != "yuv420p":
                    raise SystemExit(f"{self.path} is {frame.format.name}: only yuv420p can be given to all encoders as it is")
                frames.append(frame)
                if len(frames) == self.max_frames:
                    break
        return frames

    @cached_property
    def rate(self) -> Fraction:
        with VideoSource(self.path) as source:
            return source.frame_rate or Fraction(25)

    def rgb(self) -> Iterator[tuple[np.ndarray, float]]:
        """Frames as the measure sees them, each with its duration in seconds."""
        with VideoSource(self.path, max_frames=self.max_frames) as source:
            for frame in source:
                yield frame.rgb, float(frame.duration * source.time_base)


def encode_reference(reference: Reference, clip: Clip, rung: str, gop_size: int, output: Path) -> int:
    """Writes `clip` to the MP4 file `output`, returns the bytes of video in it."""
    first = clip.frames[0]
    options = reference.options_at(rung, gop_size)
    with av.open(str(output), "w", format="mp4") as container:
        stream = container.add_stream(
            reference.library, rate=clip.rate, width=first.width, height=first.height, pix_fmt="yuv420p", options=options
        )
        context = stream.codec_context
        context.thread_count, context.thread_type = THREADS, "FRAME"  # PyAV's choice, slices, costs bytes
        context.colorspace, context.color_range = first.colorspace, first.color_range
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        for index, frame in enumerate(clip.frames):
            # A new frame: the decoded one has a picture type, which the encoder would repeat, and side data.
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
            picture.colorspace, picture.color_range = first.colorspace, first.color_range
            picture.pts, picture.time_base = index, 1 / clip.rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return coded_bytes(output)


def coded_bytes(path: Path) -> int:
    """Bytes of all video samples of an MP4 file, without messages (SEI) of H.264."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        messages = sum(map(message_bytes, packets)) if stream.codec_context.name == "h264" else 0
    return sum(map(len, packets)) - messages


def message_bytes(sample: bytes) -> int:
    """Bytes of the SEI units in an H.264 sample, each with the four bytes of its length."""
    total = position = 0
    while position < len(sample):
        size = 4 + int.from_bytes(sample[position : position + 4], "big")
        if sample[position + 4] & 31 == 6:
            total += size
        position += size
    return total


def distortion(clip: Clip, decoded: Iterable[np.ndarray], perceptual: LpipsSqueeze) -> dict[str, float]:
    """Frames, seconds, mean PSNR of all frames and mean lpips-squeeze of every sixth."""
    psnr, lpips, seconds = [], [], 0.0
    for index, ((original, duration), picture) in enumerate(zip(clip.rgb(), decoded, strict=True)):
        seconds += duration
        if index % LPIPS_EVERY == 0:
            both = quality(picture, original, perceptual)
            psnr.append(both[0])
            lpips.append(both[1])
        else:
            mse = np.mean((picture.astype(np.float64) - original) ** 2)
            psnr.append(float(10 * np.log10(255**2 / max(mse, 1e-9))))
    return {"frames": len(psnr), "seconds": seconds, "psnr": float(np.mean(psnr)), "lpips": float(np.mean(lpips))}


def measure(codec: str, clip: Clip, rung: str, gop_size: int, perceptual: LpipsSqueeze) -> dict[str, float]:
    """One rung: bytes, and what `distortion` returns."""
    with tempfile.TemporaryDirectory() as folder:
        coded = Path(folder) / "coded.mp4"
        if codec == OURS:
            encoding = {"crf": int(rung), "gop_size": gop_size, "max_frames": clip.max_frames}
            size = videocodec.encode(clip.path, coded, device="cpu", threads=NETWORK_THREADS, **encoding).video_bytes
            decoded = (frame.data.transpose(1, 2, 0) for frame in decode_frames(coded, device="cpu", threads=NETWORK_THREADS))
            return {"bytes": size} | distortion(clip, decoded, perceptual)
        size = encode_reference(REFERENCES[codec], clip, rung, gop_size, coded)
        with VideoSource(coded) as source:
            return {"bytes": size} | distortion(clip, (frame.rgb for frame in source), perceptual)


@cache
def package_sha256() -> str:
    """SHA-256 over the sources of the codec."""
    digest = hashlib.sha256()
    for file in sorted(file for package in ("bitstream", "videocodec") for file in (ROOT / package).rglob("*.py")):
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def identity(codec: str, clip: Clip, rung: str, gop_size: int, lpips_sha256: str) -> dict[str, object]:
    """All that the figures of a rung depend on."""
    common = {"codec": codec, "rung": rung, "gop_size": gop_size, "source": clip.sha256, "max_frames": clip.max_frames}
    common |= {"lpips": lpips_sha256, "measure": MEASURE_VERSION, "av": av.__version__, "libavcodec": av.library_versions["libavcodec"]}
    if codec == OURS:
        return common | {"package": package_sha256(), "model": ModelBundle.find("embedded").sha256, "torch": torch.__version__}
    return common | {"library": REFERENCES[codec].library, "options": REFERENCES[codec].options_at(rung, gop_size), "threads": THREADS}


def cache_name(clip_name: str, depends_on: dict[str, object]) -> str:
    """File name of a rung, readable in front, unique behind."""
    digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    return f"{clip_name}-{depends_on['codec']}-{label(depends_on['rung']).replace(' ', '-')}-{digest[:16]}.json"


def cached(folder: Path | None, codec: str, clip: Clip, rung: str, gop_size: int, lpips_sha256: str, perceptual: LpipsSqueeze) -> dict:
    """`measure`, or what an earlier run kept of it."""
    if folder is None:
        return measure(codec, clip, rung, gop_size, perceptual)
    depends_on = identity(codec, clip, rung, gop_size, lpips_sha256)
    file = folder / cache_name(clip.name, depends_on)
    if not file.exists():
        record = {"clip": clip.name, "depends_on": depends_on} | measure(codec, clip, rung, gop_size, perceptual)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(record, indent=1))
        part.replace(file)
    return json.loads(file.read_text())


@dataclass(frozen=True)
class Curve:
    """Rungs of one codec on one clip from the lowest rate to the highest; quality is such that more is better."""

    rates: np.ndarray
    quality: np.ndarray

    @classmethod
    def of(cls, rungs: Iterable[tuple[float, float]]) -> Curve:
        """From pairs of rate and quality in any order."""
        rates, quality = np.array(sorted(rungs), dtype=np.float64).reshape(-1, 2).T
        return cls(rates, quality)

    @property
    def is_monotonic(self) -> bool:
        return bool(np.all(np.diff(self.rates) > 0) and np.all(np.diff(self.quality) > 0))

    def rate_at(self, quality: float) -> float | None:
        """Rate for that quality, its logarithm interpolated linearly; None outside the curve."""
        if not self.quality[0] <= quality <= self.quality[-1]:
            return None
        return float(np.exp(np.interp(quality, self.quality, np.log(self.rates))))

    def quality_at(self, rate: float) -> float:
        """Quality at that rate, linear in its logarithm, and constant beyond the ends."""
        return float(np.interp(np.log(rate), np.log(self.rates), self.quality))


def bd_rate(ours: Curve, reference: Curve, below: float = np.inf) -> tuple[float | None, str]:
    """Percent that ours needs more (less, if negative) than `reference`, and the overlap; or None and why there is no such figure.

    `below`: only the qualities that ours reaches with less than that rate.
    """
    from bjontegaard import bd_rate as bjontegaard_rate

    if min(len(ours.rates), len(reference.rates)) < 3:
        return None, "too few rungs"
    if not (ours.is_monotonic and reference.is_monotonic):
        return None, f"not monotonic ({'reference' if ours.is_monotonic else 'ours'})"
    if ours.rates[0] >= below:
        return None, f"ours never below {below:g} kbit/s"
    best = ours.quality_at(min(below, ours.rates[-1]))
    low, high = max(ours.quality[0], reference.quality[0]), min(best, reference.quality[-1])
    if low >= high:
        return None, "no overlap"
    curves = (reference.rates, reference.quality, ours.rates, ours.quality)
    _, of_reference, of_ours = bjontegaard_rate(*curves, method="akima", require_matching_points=False, interpolators=True, min_overlap=0)
    mean_logarithm = (of_ours.integrate(low, high) - of_reference.integrate(low, high)) / (high - low)
    return float(100 * (10**mean_logarithm - 1)), f"{100 * (high - low) / (best - ours.quality[0]):.0f} %"


def table(columns: Iterable[object], rows: Iterable[Iterable[object]] = ()) -> None:
    """Prints a markdown table, or its head alone."""
    columns = list(columns)
    print(f"| {' | '.join(map(str, columns))} |\n{'|---' * len(columns)}|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


Results = dict[str, dict[str, dict[str, dict]]]  # clip → codec → rung → figures


def label(rung: str) -> str:
    """A rung in words: "70", or "70 superres" for one with more options than crf."""
    return rung.replace(SUPERRES, " superres")


def kbps(figures: dict) -> float:
    return figures["bytes"] * 8 / figures["seconds"] / 1000


def curve(rungs: dict[str, dict], measured_by: str) -> Curve:
    """By "psnr" or "lpips", of which less is better.  Rungs with super-resolution count only where they prolong the others downwards."""
    points = {rung: (kbps(figures), figures[measured_by] * (-1 if measured_by == "lpips" else 1)) for rung, figures in rungs.items()}
    plain = [point for rung, point in points.items() if SUPERRES not in rung]
    ends = [min(axis) for axis in zip(*plain)]
    more = [point for rung, point in points.items() if SUPERRES in rung and point[0] < ends[0] and point[1] < ends[1]]
    return Curve.of(plain + more)


def print_bd_rates(results: Results, references: list[str], below: float = np.inf) -> None:
    """A table of BD-rates for lpips and for PSNR, and the means over the clips that have one."""
    for measured_by in ("lpips", "psnr"):
        rows, figures = [], {reference: [] for reference in references}
        for clip, codecs in results.items():
            row = [clip]
            for reference in references:
                percent, note = bd_rate(curve(codecs[OURS], measured_by), curve(codecs[reference], measured_by), below)
                row.append(note if percent is None else f"{percent:+.1f} % (overlap {note})")
                figures[reference] += [] if percent is None else [percent]
            rows.append(row)
        means = [f"{np.mean(f):+.1f} % ({len(f)} clips)" if f else "–" for f in figures.values()]
        factors = [f"{100 * np.exp(np.mean(np.log1p(np.array(f) / 100))) - 100:+.1f} %" if f else "–" for f in figures.values()]
        rows += [["mean", *means], ["geometric mean", *factors]]
        limit = f", where ours takes less than {below:g} kbit/s" if np.isfinite(below) else ""
        print(f"\nBD-rate of ours in {'lpips-squeeze' if measured_by == 'lpips' else 'PSNR'}{limit}\n")
        table(["clip", *(f"against {reference}" for reference in references)], rows)


def print_equal_lpips(results: Results, references: list[str]) -> None:
    """kbit/s of every codec at the lpips of some of our rungs."""
    wins, rows = {reference: [0, 0] for reference in references}, []
    for clip, codecs in results.items():
        for crf in (crf for crf in map(str, COMPARED_CRF) if crf in codecs[OURS]):
            ours = codecs[OURS][crf]
            row = [clip, crf, f"{ours['lpips']:.3f}", f"{kbps(ours):.1f}"]
            for reference in references:
                other = curve(codecs[reference], "lpips")
                rate = other.rate_at(-ours["lpips"]) if other.is_monotonic else None
                if rate is None:
                    row.append("outside its rungs" if other.is_monotonic else "not monotonic")
                    continue
                won = kbps(ours) < rate
                wins[reference][0 if won else 1] += 1
                row.append(f"{rate:.1f} ({'**win**' if won else 'loss'}, {100 * (kbps(ours) / rate - 1):+.0f} %)")
            rows.append(row)
    print("\nkbit/s at equal lpips-squeeze (win: ours takes fewer bytes)\n")
    table(["clip", "our crf", "lpips-squeeze", "ours", *references], rows)
    print("\n" + "; ".join(f"{won} wins, {lost} losses against {reference}" for reference, (won, lost) in wins.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[20, 26, 32, 38, 44, 50, 56, 62], help="ours")
    parser.add_argument("--codecs", nargs="+", choices=[OURS, *REFERENCES], default=[OURS, *REFERENCES])
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--gop-size", type=int, default=250)
    parser.add_argument("--cache", type=Path, help="folder for what has been measured")
    args = parser.parse_args()
    references = [codec for codec in args.codecs if codec != OURS]
    compares = OURS in args.codecs and bool(references)
    if compares and not find_spec("bjontegaard"):
        parser.error("comparing needs the package bjontegaard: pip install bjontegaard")
    torch.set_num_threads(NETWORK_THREADS)
    perceptual, lpips_sha256 = LpipsSqueeze(args.lpips), hashlib.sha256(args.lpips.read_bytes()).hexdigest()
    if args.cache:
        args.cache.mkdir(parents=True, exist_ok=True)
    results: Results = {}
    table(["clip", "codec", "crf", "kbit/s", "PSNR dB", "lpips-squeeze"])
    for path in sorted(f for f in args.clips.iterdir() if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)):
        clip = Clip(path, args.max_frames)
        results[clip.name] = {codec: {} for codec in args.codecs}
        for codec, rungs in results[clip.name].items():
            for rung in map(str, args.crf) if codec == OURS else REFERENCES[codec].ladder:
                figures = rungs[rung] = cached(args.cache, codec, clip, rung, args.gop_size, lpips_sha256, perceptual)
                row = [clip.name, codec, label(rung), f"{kbps(figures):.1f}", f"{figures['psnr']:.2f}", f"{figures['lpips']:.4f}"]
                print(f"| {' | '.join(row)} |", flush=True)
    if compares:
        print_bd_rates(results, references)
        print_equal_lpips(results, references)
        print_bd_rates(results, references, below=LOW_RATE)


if __name__ == "__main__":
    main()
