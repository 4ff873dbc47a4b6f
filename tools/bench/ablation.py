"""What each coding tool of format version 2 is worth: the encoder with all of them against the same
encoder without one, and against version 1's tools with the same networks.

    python -m tools.bench.ablation --clips DIR --lpips FILE [--only NAME …] [--crf 32 44 56]
        [--max-frames 65] [--without TOOL …] [--first MODEL_DIR] [--work DIR] [--results]

``--first`` is a bundle with the networks of ``--model`` and tables of version 1 that were fitted to
them: copy the bundle without its folder ``codec``, and let ``tools.train.calibrate`` fill it.

A figure is a BD-rate in percent of bytes, *with* the tool against without, over the qualities that
both reach; less is better.  The panel is its mean over the measures, of ratios.  ``--work`` keeps
what was measured, so that an interrupted run goes on; the folder is of one commit and one model.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from bitstream.v2 import overlapped_blocks
from tools.bench.markdown import Table
from tools.bench.measured_clip import MeasuredClip, Measurements, mean_saving, savings
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.panel_encodes import METRICS
from tools.bench.results import ROOT, Report
from videocodec.encoder import mode_prices
from videocodec.encoder.settings import BlockTools, EncoderSettings
from videocodec.ladder.metrics import Figure
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.models.files import TABLES_FILE

FIRST = "version 1's tools"
_ALL = "all"
_DEAR = 1e9  # bits: nobody takes it
_LARGE_BLOCK_LOG2 = 1  # of the side in latents: blocks of 16 px, as in version 1
_ENCODER = "videocodec.encoder"


def _with_blocks(change: BlockTools) -> AbstractContextManager[Any]:
    """The effort of preset medium, whose decisions about blocks use that."""
    effort = replace(EncoderSettings().effort, blocks=change)
    return mock.patch.object(EncoderSettings, "effort", effort)


def _without_overlap() -> AbstractContextManager[Any]:
    """Every pixel of a window is of the cell that it lies in, in the encoder and the decoder."""
    size = overlapped_blocks.SUBSET_WEIGHTS.shape[1]
    quarter = np.arange(size) >= size // 2
    inside = [
        np.outer(down, across) for down in (~quarter, quarter) for across in (~quarter, quarter)
    ]
    whole = overlapped_blocks.SUBSET_WEIGHTS[-1].max()
    members = np.arange(len(overlapped_blocks.SUBSET_WEIGHTS))[:, None] >> np.arange(4) & 1
    weights = np.einsum("sm,mij->sij", members, np.stack(inside).astype(np.int32) * whole)
    return mock.patch.object(overlapped_blocks, "SUBSET_WEIGHTS", weights.astype(np.int32))


def _with_large_blocks() -> AbstractContextManager[Any]:
    return mock.patch(f"{_ENCODER}.pipeline.block_log2", return_value=_LARGE_BLOCK_LOG2)


def _with_every_slice() -> AbstractContextManager[Any]:
    """A block has none or all."""

    def bits(
        costs: npt.NDArray[np.float64], last: npt.NDArray[np.int64], coded: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        priced = mode_prices.last_slice_bits(costs, last, coded).copy()
        priced[1:-1] = _DEAR
        return priced

    return mock.patch(f"{_ENCODER}.slice_gains.last_slice_bits", bits)


_BLOCKS = EncoderSettings().effort.blocks
TOOLS = {
    "derived motion": lambda: _with_blocks(replace(_BLOCKS, derived=False)),
    "overlapped blocks": _without_overlap,
    "blocks of 8 px": _with_large_blocks,
    "squares that move as one": lambda: _with_blocks(replace(_BLOCKS, merged_blocks=False)),
    "slices by block": _with_every_slice,
    "level sizes": contextlib.nullcontext,  # of the model: ``_plain_levels``
}
_OF_THE_MODEL = "level sizes"


def _plain_levels(model: str, folder: Path) -> Path:
    """A copy of a bundle whose levels are all a step large."""
    copy = folder / "plain"
    shutil.copytree(ModelBundle.find(model).folder, copy)
    with safe_open(copy / TABLES_FILE, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata()
    tensors.pop("level_sizes", None)
    save_file(tensors, copy / TABLES_FILE, about)
    return copy


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("ablation", __doc__ or "")
    add_clips(made)
    add_lpips(made)
    made.add_argument("--crf", type=int, nargs="+", default=[32, 44, 56])
    made.add_argument("--max-frames", type=int, default=65, metavar="N")
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_DIR")
    made.add_argument("--without", nargs="*", choices=list(TOOLS), default=list(TOOLS))
    made.add_argument("--first", type=Path, metavar="MODEL_DIR")
    made.add_argument("--metrics", nargs="+", metavar="NAME", default=list(METRICS))
    made.add_argument("--work", type=Path, default=ROOT / "out" / "ablation")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    args = parse(parser(), arguments)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    clips = [path for path in clip_paths(args) if args.only or path.stem != "crew_4cif"]
    models = [ModelBundle.find(name) for name in (args.model, args.first) if name is not None]
    report = Report(args, models=models, clips=clips)
    found: dict[str, dict[str, Mapping[str, float | None]]] = {}
    figures: dict[str, Figure] = {}  # small pictures lack some
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        plain = _plain_levels(args.model, Path(name))
        for source in clips:
            clip = MeasuredClip(source, args.max_frames, Path(name), args.metrics, args.lpips)
            figures |= {figure.name: figure for figure in clip.figures}
            found[source.stem] = dict(_gains(clip, args, plain))
            clip.clip.discard_reference()
    report.table("tools", by_clip(found), "With a tool against without, the panel's mean")
    for row in (*args.without, *([FIRST] if args.first else [])):
        report.table(
            re.sub("[^a-z0-9]+", "-", row), by_figure(found, row, list(figures)), f"Against: {row}"
        )
    report.save()


def _gains(
    clip: MeasuredClip, args: argparse.Namespace, plain: Path
) -> Iterator[tuple[str, Mapping[str, float | None]]]:
    """BD-rates of all tools against every other choice."""
    kept = Measurements(clip, args.crf, args.work)
    ours = kept.points(_ALL, args.model)
    if args.first is not None:
        yield FIRST, _said(clip, FIRST, savings(ours, kept.points(FIRST, args.first), clip.figures))
    for tool in args.without:
        with TOOLS[tool]():
            others = kept.points(tool, plain if tool == _OF_THE_MODEL else args.model)
        yield tool, _said(clip, tool, savings(ours, others, clip.figures))


def _said(
    clip: MeasuredClip, name: str, rates: Mapping[str, float | None]
) -> Mapping[str, float | None]:
    print(clip.clip.name, name, rates, file=sys.stderr, flush=True)
    return rates


def by_clip(found: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Table:
    """The panel's mean of every tool on every clip; found: clip → tool → figure → percent."""
    table = Table(["tool", *found, "mean"], ["{}", *["{:+.1f}"] * (len(found) + 1)])
    for tool in next(iter(found.values()), {}):
        rates = [found[clip][tool]["panel"] for clip in found]
        table.add(tool, *rates, mean_saving(rates))
    return table


def by_figure(
    found: Mapping[str, Mapping[str, Mapping[str, float | None]]],
    tool: str,
    figures: Sequence[str],
) -> Table:
    """One tool in every measure, by its name."""
    names = [*figures, "panel"]
    table = Table(["clip", *names], ["{}", *["{:+.1f}"] * len(names)])
    for clip, rates in found.items():
        table.add(clip, *(rates[tool].get(name) for name in names))
    means = [mean_saving([rates[tool].get(name) for rates in found.values()]) for name in names]
    table.add("mean", *means)
    return table


if __name__ == "__main__":
    main()
