"""Contact sheets of ``tools.bench.panel``: source, this codec and SVT-AV1 at the same bytes."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tools.bench.panel_encodes import FRAMES
from videocodec.ladder.api import ladder
from videocodec.ladder.schema import Record

BESIDE, PRESET = "svtav1", "5"
RATES = 2
JUDGE = "ssimulacra2"


def write(args: argparse.Namespace, paths: Sequence[Path], tested: Sequence[Record]) -> list[Path]:
    """Write sheets into the folder ``sheets`` of ``--work`` → the files.

    tested: the encodes of this codec, whose files are in the folder ``own`` of ``--work``.
    """
    folder = args.work / "sheets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    for path in paths:
        shown = evenly([one for one in tested if one["clip"] == path.stem], RATES)
        for file in _of_clip(args, path, shown):
            written.append(Path(shutil.copy(file, folder)))
    print(f"\ncontact sheets: {folder}")
    return written


def evenly(records: Sequence[Record], count: int) -> list[Record]:
    """Some of the rungs, evenly spread over them, by bitrate."""
    ranked = sorted(records, key=lambda one: one["bitrate_bps"])
    places = sorted({int((step + 0.5) * len(ranked) / count) for step in range(count)})
    return [ranked[place] for place in places]


def _of_clip(args: argparse.Namespace, path: Path, shown: Sequence[Record]) -> list[Path]:
    """The sheets of one clip: a ladder of what is shown, whose encodes of this codec are there."""
    common = partial(
        ladder,
        [path],
        args.work / "own",
        metrics=(JUDGE,),
        max_frames=FRAMES,
        pictures=1,
        jobs=args.jobs,
        presets={BESIDE: PRESET},
        gop_size=250,
    )
    rates = [one["bitrate_bps"] for one in shown]
    beside = common(codecs=(BESIDE,), bitrates=rates, sheets=0)
    done = [one["crf"] for one in beside["records"] if one["error"] is None]
    crfs = [crf for crf in done if crf is not None]
    if not crfs:
        return []
    results = common(
        codecs=("videocodec", BESIDE),
        crf={"videocodec": [one["value"] for one in shown], BESIDE: crfs},
        model=args.model,
        sheets=RATES,
    )
    return [args.work / "own" / entry["file"] for entry in results["sheets"]]
