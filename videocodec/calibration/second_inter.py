"""Tables of format version 2 for inter frames, fitted to what the encoder really codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_elements import DIFFERENCE_RADIUS
from bitstream.v1.observer import Observer
from bitstream.v1.quantiser import log2_step_eighths
from bitstream.v2.block_elements import BLOCK_TABLES
from bitstream.v2.inter_tables import InterTables, level_shapes, others
from bitstream.v2.level_contexts import LEVEL_CLASSES
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.scan import CHECKERBOARD
from bitstream.v2.tables import LevelTables

from ..encoder.clip_coder import ClipCoder
from ..encoder.coded_residuals import CodedResiduals
from ..encoder.frame_encoder import EncoderHelpers
from ..encoder.frame_plan import EncoderFrame
from ..encoder.second_frame_encoder import BLOCK_LOG2
from ..encoder.settings import EncoderSettings
from ..networks.context import logistic_bits
from ..networks.second.codec import SecondCodec
from ..networks.second.rate import Rate, SliceNetwork
from .context_networks import to_frequencies
from .second import fittable, logistic_frequencies, network_of, tables_of, with_level_sizes

CLIP_CRFS = (24, 32, 40, 48, 56)
_FIRST_SYMBOL, _HALVED_AFTER = 8.0, 4.0  # weights of block tables to begin with
# How many symbols what all contexts have in common weighs in one: differences of vectors have many
# symbols that are rarely seen, and squares hardly anything in common.
_BLOCK_SMOOTHING, _OTHER_SMOOTHING = 8.0, {"square": 2.0, "block_merge": 4.0, "vector_delta": 100.0}
_SMOOTHING = 40.0  # how many symbols the frequencies before weigh in a fitted table
_LEARNING_RATE = 2e-3


@dataclass(frozen=True)
class PreparedClip:
    """A clip's frames, and its width and height in px."""

    frames: list[EncoderFrame]
    size: tuple[int, int]


class SymbolCounts(Observer):
    """counts: (tables, symbols) by the name of the table set."""

    def __init__(self) -> None:
        self.counts: dict[str, npt.NDArray[np.float64]] = {}

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        """Count them."""
        counts = self.counts.setdefault(tables.name, np.zeros(tables.frequencies.shape))
        np.add.at(counts, (ids, symbols), 1)


def first_networks(rate: Rate) -> list[SliceNetwork]:
    """Networks that expect of a residual what the model of keyframes expects of a value."""
    return [
        _with_side_channels(net, others(rate.slices, index))
        for index, net in enumerate(rate.networks)
    ]


def first_block_priors() -> dict[str, npt.NDArray[np.int64]]:
    """To begin with: the first symbol of every alphabet is the likeliest, and small differences of
    vectors are.
    """
    priors = {}
    for name, shape in BLOCK_TABLES.items():
        weights = np.ones(shape)
        weights[:, 0] = _FIRST_SYMBOL
        if name == "vector_delta":
            away = np.abs(np.arange(shape[1]) - DIFFERENCE_RADIUS)
            weights[:] = np.exp2(-np.minimum(away, DIFFERENCE_RADIUS) / _HALVED_AFTER)
        priors[name] = to_frequencies(weights, np.ones(shape), 0.0)
    return priors


def first_tables(
    rate: Rate,
    loop: LoopNetworks,
    search_map: npt.NDArray[np.float32],
    error_weights: npt.NDArray[np.float32],
) -> LevelTables:
    """To begin with: what is likely of blocks, and even frequencies of last slices."""
    priors = {one.name: logistic_frequencies(one) for one in LEVEL_CLASSES}
    shape = level_shapes(len(rate.slices))["last_slice"]
    priors["last_slice"] = to_frequencies(np.ones(shape), np.ones(shape), 0.0)
    networks = tuple(network_of(net) for net in first_networks(rate))
    return replace(
        with_level_sizes(tables_of(rate)),
        inter=InterTables(networks, priors, first_block_priors(), loop, search_map, error_weights),
    )


def tables_after(
    before: LevelTables,
    rate: Rate,
    loop: LoopNetworks,
    search_map: npt.NDArray[np.float32],
    error_weights: npt.NDArray[np.float32],
) -> LevelTables:
    """To begin with, where tables for inter frames of a model much like this one are known: their
    networks and frequencies.
    """
    assert before.inter is not None  # says the caller
    known = replace(before.inter, loop=loop, search_map=search_map, error_weights=error_weights)
    return replace(with_level_sizes(tables_of(rate)), inter=known)


def _with_side_channels(net: SliceNetwork, seen: int) -> SliceNetwork:
    """The same network, which sees further channels between the earlier ones and its own, and does
    not look at them yet.
    """
    network = SliceNetwork(seen, net.width, net.gather.out_channels)
    inputs = [*range(net.earlier), *range(seen, seen + net.width)]
    constants = net.direct.in_channels - 2 * net.visible
    with torch.no_grad():
        for name, groups in (("direct", (0, 1, None)), ("gather", (0, None, 1))):
            old, new = getattr(net, name), getattr(network, name)
            new.weight.zero_()
            new.bias.copy_(old.bias)
            old_start = new_start = 0
            for group in groups:
                if group is None:
                    width = constants
                    new.weight[:, new_start : new_start + width] = old.weight[
                        :, old_start : old_start + width
                    ]
                    old_start, new_start = old_start + width, new_start + width
                else:
                    places = [new_start + one for one in inputs]
                    new.weight[:, places] = old.weight[:, old_start : old_start + net.visible]
                    old_start, new_start = old_start + net.visible, new_start + network.visible
        network.mix.weight.copy_(net.mix.weight)
    return network


def _frame_bits(nets: Sequence[SliceNetwork], sample: CodedResiduals) -> tuple[torch.Tensor, int]:
    """Bits of what a frame's residuals should be, and how many levels that are."""
    target, values, prediction = (
        torch.from_numpy(one)[None] for one in (sample.target, sample.values, sample.prediction)
    )
    flags = torch.from_numpy(np.stack([sample.coded, sample.intra]).astype(np.float32))[None]
    log2_step = torch.tensor([log2_step_eighths(sample.quantiser) / 8])
    odd = torch.from_numpy(np.indices(sample.coded.shape).sum(0) & 1)
    slices = torch.from_numpy(sample.slices)
    bits, levels, first = torch.zeros(()), 0, 0
    for index, net in enumerate(nets):
        channels = slice(first, first + net.width)
        first += net.width
        if not (sample.slices > index).any():
            break
        seen = torch.cat([values[:, : channels.start], prediction[:, channels], flags], 1)
        shared = net.from_earlier(seen, log2_step)
        for second, scan_pass in enumerate(CHECKERBOARD):
            already_coded = values[:, channels] * (odd == 0) * second
            mean, log2_scale = net(shared, already_coded, scan_pass.flags)
            mask = (slices > index) & (odd == second)
            cost = logistic_bits(target[:, channels], mean, log2_scale) * mask
            bits, levels = bits + cost.sum(), levels + int(mask.sum()) * net.width
    return bits, levels


def fit_networks(
    nets: Sequence[SliceNetwork],
    samples: Sequence[CodedResiduals],
    steps: int,
    seed: int = 0,
) -> tuple[float, float]:
    """Fit networks in place → bits a level before and after, over the first and the last tenth of
    the steps.
    """
    parameters = [parameter for net in nets for parameter in net.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
    rng, spent = np.random.default_rng(seed), []
    for _ in range(steps):
        bits, levels = _frame_bits(nets, samples[int(rng.integers(len(samples)))])
        loss = bits / max(levels, 1)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        spent.append((float(bits.detach()), levels))
    part = max(1, steps // 10)
    before, after = (np.sum(one, 0) for one in (spent[:part], spent[-part:]))
    return float(before[0] / before[1]), float(after[0] / after[1])


def fit_inter(
    codec: SecondCodec,
    tables: LevelTables,
    clips: Sequence[PreparedClip],
    steps: int,
    log: Callable[[str], None],
    rounds: int = 2,
    block_log2: int = BLOCK_LOG2,
) -> LevelTables:
    """Tables with networks and frequencies of inter frames fitted in so many rounds: what is coded
    depends on the tables.

    steps: of every round's fit.  Raises ``ValueError`` if no clip has residuals.
    """
    assert tables.inter is not None  # of ``first_tables``
    nets = [fittable(net) for net in tables.inter.networks]
    for round_number in range(rounds):
        samples, _, spent = _coded(ClipCoder(codec, tables, block_log2), clips, round_number)
        if not samples:
            raise ValueError("no frame has levels: give clips with motion")
        log(f"round {round_number}: {len(samples)} frames with levels, {spent} bytes")
        assert tables.inter is not None  # as before
        before, after = fit_networks(nets, samples, steps, round_number)
        log(f"round {round_number}: {before:.4f} to {after:.4f} bits a level")
        fitted = replace(tables.inter, networks=tuple(network_of(net) for net in nets))
        tables = replace(tables, inter=fitted)
        _, counts, spent = _coded(ClipCoder(codec, tables, block_log2), clips, round_number)
        tables = _recounted(tables, counts)
        log(f"round {round_number}: {spent} bytes before its frequencies")
    return tables


def _coded(
    coder: ClipCoder, clips: Sequence[PreparedClip], seed: int
) -> tuple[list[CodedResiduals], dict[str, npt.NDArray[np.float64]], int]:
    """Code every clip at a crf that is drawn → its residuals, counts, and bytes in all."""
    rng, counted = np.random.default_rng(seed), SymbolCounts()
    samples: list[CodedResiduals] = []
    helpers, spent = EncoderHelpers(observer=counted, residuals=samples.append), 0
    for clip in clips:
        settings = EncoderSettings(crf=int(rng.choice(CLIP_CRFS)))
        units = coder.code(clip.frames, clip.size, settings, helpers)
        spent += sum(len(unit.payload) for unit in units if not unit.is_keyframe)
    return samples, counted.counts, spent


def _recounted(tables: LevelTables, counts: dict[str, npt.NDArray[np.float64]]) -> LevelTables:
    """Frequencies as counted, with what is known where little was counted: of levels those before,
    of blocks those of the element in all contexts together.
    """
    inter = tables.inter
    assert inter is not None  # of ``first_tables``

    def fitted(name: str, prior: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        counted = counts.get(name, np.zeros(prior.shape))
        return to_frequencies(counted, prior / prior.sum(1, keepdims=True), _SMOOTHING)

    levels = {
        name: fitted(name if name == "last_slice" else f"inter.{name}", prior)
        for name, prior in inter.level_priors.items()
    }
    blocks = {
        name: _with_common(name, counts.get(name, np.zeros(shape)))
        for name, shape in BLOCK_TABLES.items()
    }
    return replace(tables, inter=replace(inter, level_priors=levels, block_priors=blocks))


def _with_common(name: str, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Frequencies of an element as counted."""
    common = np.tile(counts.sum(0) + 0.5, (len(counts), 1))
    weight = _OTHER_SMOOTHING.get(name, _BLOCK_SMOOTHING)
    return to_frequencies(counts, common / common.sum(1, keepdims=True), weight)
