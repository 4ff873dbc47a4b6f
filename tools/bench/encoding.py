"""Where the time of encoding goes, stage by stage, and how many frames a second of one core's time
come of it.

    python -m tools.bench.encoding --clip CLIP [--presets veryfast medium slow]
        [--sizes 512x288 1920x1080] [--max-frames 33] [--crf 40] [--model NAME] [--results]

Every encode is a process with one thread, and seconds are those of its processor.  Each is run for
one frame, for half of the frames and for all: what the second half takes is the speed, when kernels
have been loaded.  Half of them are coded once more under cProfile, which says what each stage
takes; profiled seconds are more than those without.  Clips are scaled by OpenCV.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import videocodec
from bitstream.v2.compiled import VARIABLE
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import ROOT, Report
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL

# By stage the functions whose time with all that they call it is, as the end of a file's name and
# the function's.  None of them calls another one.
STAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "encoder network": (("encoder/coding_networks.py", "encode_with_variance"),),
    "looks at keyframes": (("encoder/tuning.py", "look"), ("encoder/tuning.py", "cost")),
    "keyframe's levels": (("v2/frame_coder.py", "code_keyframe"),),
    "motion between frames": (("encoder/group_plan.py", "plan"),),
    "candidates": (("encoder/candidates.py", "candidates"),),
    "derived motion": (("encoder/picture_search.py", "_derived"),),
    "squares that merge": (("encoder/merging.py", "merged_sides"),),
    "vectors": (("encoder/tabled_vectors.py", "choose"),),
    "exact predictions": (("v2/prediction.py", "predict_frame"),),
    "slices that pay": (("encoder/second_frame_encoder.py", "_last_slices"),),
    "coding inter frames": (("v2/frame_coder.py", "code_inter"),),
}
WHOLE = "encoder/chunk_coder.py", "code"


def stage_seconds(profile: pstats.Stats) -> dict[str, float]:
    """Seconds of every stage, and of all else of coding a chunk, of a profile."""
    spent: dict[tuple[str, str], float] = {}
    stats: Mapping[tuple[str, int, str], tuple[int, int, float, float, object]] = vars(profile)[
        "stats"
    ]
    for (file, _, name), (_, _, _, cumulative, _) in stats.items():
        for end in (WHOLE, *(one for ends in STAGES.values() for one in ends)):
            if name == end[1] and file.endswith(end[0]):
                spent[end] = spent.get(end, 0.0) + cumulative
    seconds = {name: sum(spent.get(one, 0.0) for one in ends) for name, ends in STAGES.items()}
    seconds["all else"] = spent.get(WHOLE, 0.0) - sum(seconds.values())
    return seconds


def scaled_clip(clip: Path, target: Path, size: tuple[int, int], frames: int) -> None:
    """Write the first frames of a clip in another size, almost without loss."""
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for source in VideoSource(clip, max_frames=frames):
            picture = np.asarray(
                cv2.resize(source.rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8
            )
            output.mux(stream.encode(_frame(picture)))
        output.mux(stream.encode(None))


def _frame(picture: Any) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="rgb24")


def measure(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own does: an encode, profiled or not → its processor seconds, bytes,
    and the seconds of stages.
    """
    options = dict(settings)
    source, target, profiled = (options.pop(name) for name in ("source", "target", "profiled"))
    profile = cProfile.Profile(time.process_time)
    if profiled:
        profile.enable()
    report = videocodec.encode(
        str(source), str(target), threads=1, device="cpu", overwrite=True, **options
    )
    profile.disable()
    stages = stage_seconds(pstats.Stats(profile)) if profiled else {}
    return {"seconds": time.process_time(), "bytes": report.video_bytes, "stages": stages}


def _in_a_process(settings: Mapping[str, Any]) -> dict[str, Any]:
    program = (
        "import json, sys; from tools.bench.encoding import measure;"
        "print(json.dumps(measure(json.loads(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(settings)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), VARIABLE: "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def tables(args: argparse.Namespace, folder: Path) -> tuple[Table, Table]:
    """Speeds, and milliseconds a frame of every stage."""
    speeds = Table(
        ["size", "preset", "first frame, s", "ms a frame", "frames a second of one core", "bytes"],
        ["{}", "{}", "{:.1f}", "{:.0f}", "{:.1f}", "{}"],
    )
    columns = [(size, preset) for size in args.sizes for preset in args.presets]
    rows: dict[str, list[float]] = {}
    for size, preset in columns:
        width, height = map(int, size.split("x"))
        clip = folder / f"{size}.mp4"
        if not clip.exists():
            scaled_clip(args.clip, clip, (width, height), args.max_frames)
        base = {
            "source": str(clip), "target": str(folder / "coded.mp4"), "crf": args.crf,
            "preset": preset, "model": args.model, "profiled": False,
        }  # fmt: skip
        half = args.max_frames // 2 + 1
        first = _in_a_process(base | {"max_frames": 1})
        warm = _in_a_process(base | {"max_frames": half})
        whole = _in_a_process(base)
        profiled = _in_a_process(base | {"profiled": True, "max_frames": half})
        each = (whole["seconds"] - warm["seconds"]) / (args.max_frames - half)
        speeds.add(size, preset, first["seconds"], 1000 * each, 1 / each, whole["bytes"])
        for name, seconds in profiled["stages"].items():
            rows.setdefault(name, []).append(1000 * seconds / half)
    stages_table = Table(
        ["stage", *(f"{size}, {preset}" for size, preset in columns)],
        ["{}", *["{:.0f}"] * len(columns)],
    )
    for name, milliseconds in rows.items():
        stages_table.add(name, *milliseconds)
    return speeds, stages_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("encoding", __doc__)
    cli.add_argument("--clip", type=Path, required=True)
    cli.add_argument("--presets", nargs="+", default=["veryfast", "medium", "slow"])
    cli.add_argument("--sizes", nargs="+", default=["512x288"], metavar="WxH")
    cli.add_argument("--max-frames", type=int, default=33)
    cli.add_argument("--crf", type=int, default=40)
    cli.add_argument("--model", default=DEFAULT_MODEL)
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=[args.clip])
    with tempfile.TemporaryDirectory() as name:
        speeds, stages = tables(args, Path(name))
    report.table("speeds", speeds)
    report.table("stages", stages, "Profiled, ms a frame, keyframe included")
    report.save()


if __name__ == "__main__":
    main()
