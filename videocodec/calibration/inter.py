"""Fit what inter frames need from a folder of clips: inter networks, their tables, and the block
layer's tables.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import cv2
import numpy as np

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.context_model import INTER, INTRA
from bitstream.v1.tables import BLOCK_TABLES, CodecTables, block_tensor

from ..encoder.chunks import KeyframePlanner, plan_chunks
from ..encoder.frame_encoder import EncoderHelpers
from ..encoder.frame_plan import EncoderFrame
from ..encoder.group_encoder import GroupEncoder
from ..encoder.motion import MotionSearch
from ..encoder.settings import EncoderSettings
from ..networks.context import ContextModel
from ..training.budget import Budget
from .context_networks import (
    LevelSample,
    fit_context_model,
    logistic_tables,
    to_frequencies,
    to_integers,
)
from .counting import INTER_LEVELS, CodingStatistics
from .intra import SMOOTHING, uniform_priors

BLOCK_SMOOTHING = 4.0
CLIP_CRFS = (20, 26, 32, 38, 44, 50)


@dataclass(frozen=True)
class ClipFrames:
    """A clip ready to be coded: a header with its geometry, and its frames with latents and
    luma.
    """

    header: SequenceHeader
    frames: list[EncoderFrame]


def _encode(
    tables: CodecTables,
    header: SequenceHeader,
    frames: list[EncoderFrame],
    crf: int,
    samples: list[LevelSample] | None,
) -> tuple[dict[str, np.ndarray], float]:
    """Encode one clip → symbol counts by table name, bits of inter frames; ``samples`` collects
    what the networks see.
    """
    statistics = CodingStatistics(sampling=samples is not None)
    settings, units = EncoderSettings(crf=crf), []
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    helpers = EncoderHelpers(observer=statistics)
    for chunk in plan_chunks(
        (frame.luma for frame in frames), KeyframePlanner(search, settings.gop_size)
    ):
        if chunk is not None:
            encoder = GroupEncoder(tables, header, settings, search, helpers=helpers)
            units += [
                unit
                for frame in frames[chunk.first : chunk.first + chunk.frames]
                for unit in encoder.push(frame)
            ]
            units += encoder.finish()
    if samples is not None:
        samples += [sample for sample in statistics.samples if sample.has_inter_levels]
    counts = {name: statistics.count(name) for name in (INTER_LEVELS, *BLOCK_TABLES)}
    return counts, float(sum(8 * len(unit.payload) for unit in units if not unit.is_keyframe))


def _summed(
    results: list[tuple[dict[str, np.ndarray], float]],
) -> tuple[dict[str, np.ndarray], float]:
    names = results[0][0]
    counted = {name: np.sum([counts[name] for counts, _ in results], axis=0) for name in names}
    return counted, sum(bits for _, bits in results)


def _encode_all(
    tables: CodecTables, clips: list[ClipFrames], rng: np.random.Generator
) -> tuple[list[LevelSample], dict[str, np.ndarray], float]:
    """Encode every clip at a random crf → samples, symbol counts by table name, bits in all."""
    samples: list[LevelSample] = []
    results = [
        _encode(tables, clip.header, clip.frames, int(rng.choice(CLIP_CRFS)), samples)
        for clip in clips
    ]
    return samples, *_summed(results)


def _block_priors(counts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: to_frequencies(counts[name], np.full(shape, 1 / shape[1]), BLOCK_SMOOTHING)
        for name, shape in BLOCK_TABLES.items()
    }


def with_block_tables(tensors: dict[str, np.ndarray]) -> tuple[CodecTables, bool]:
    """Stored tables, and whether those of the block layer are of this syntax; others begin with
    equal frequencies.
    """
    stored = {name: tensors.get(block_tensor(name)) for name in BLOCK_TABLES}
    fitting = all(
        (table := stored[name]) is not None and table.shape == shape
        for name, shape in BLOCK_TABLES.items()
    )
    blank = (
        {}
        if fitting
        else {
            block_tensor(name): table.astype(np.int32) for name, table in uniform_priors().items()
        }
    )
    return CodecTables.from_tensors(tensors | blank), fitting


def calibrate_blocks(
    tables: CodecTables, clips: list[ClipFrames], rounds: int, jobs: int, log: Callable[[str], None]
) -> CodecTables:
    """Tables with the priors of the block layer fitted to what the encoder codes, each clip at two
    random crfs; networks and levels stay.  Decisions follow contexts and predictors, so that a new
    syntax takes two rounds.
    """
    frames = 2 * sum(len(clip.frames) for clip in clips)
    for round_number in range(rounds):
        rng = np.random.default_rng(round_number)
        with ProcessPoolExecutor(jobs, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
            coded = [
                pool.submit(_encode, tables, clip.header, clip.frames, int(crf), None)
                for clip in clips
                for crf in rng.choice(CLIP_CRFS, 2, replace=False)
            ]
            counts, bits = _summed([one.result() for one in coded])
        log(f"round {round_number}: {bits / 8 / frames:.1f} bytes per frame before its tables")
        tables = replace(tables, block_priors=_block_priors(counts))
    return tables


def calibrate_inter(
    tables: CodecTables,
    clips: list[ClipFrames],
    budget: Budget,
    log: Callable[[str], None],
    model: ContextModel,
) -> tuple[CodecTables, ContextModel]:
    """Tables with inter networks and all inter priors fitted to what the encoder really codes, in
    two rounds.

    budget: for fitting ``model``, which is where it starts, and what is returned.
    """
    shapes = logistic_tables()
    frames = sum(len(clip.frames) for clip in clips)
    for round_number in range(2):
        samples, _, bits = _encode_all(tables, clips, np.random.default_rng(round_number))
        log(
            f"round {round_number}: {len(samples)} inter frames with levels,"
            f" {bits / 8 / frames:.1f} bytes per frame"
        )
        per_level = fit_context_model(samples, INTER, model, budget.part(0.5))
        log(f"inter network: {per_level:.4f} bits per coded level")
        tables = replace(
            tables, networks={INTRA: tables.networks[INTRA], INTER: to_integers(model, INTER)}
        )
        _, counts, bits = _encode_all(tables, clips, np.random.default_rng(round_number))
        tables = replace(
            tables,
            level_priors={
                INTRA: tables.level_priors[INTRA],
                INTER: to_frequencies(counts[INTER_LEVELS], shapes, SMOOTHING),
            },
            block_priors=_block_priors(counts),
        )
        log(f"round {round_number}: {bits / 8 / frames:.1f} bytes per frame before its tables")
    return tables, model
