"""The configurations of the inter coder that ``tools/bench/inter.py`` compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.formats import motion_tables
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import predict_frame
from bitstream.v1.observer import Observer
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.v1.tables import BLOCK_TABLES
from videocodec.calibration.counting import INTER_LEVELS
from videocodec.encoder.block_costs import ErrorWeights, block_sums
from videocodec.encoder.candidates import MotionSource
from videocodec.encoder.decisions import BlockDecider, Decision
from videocodec.encoder.frame_encoder import EncoderHelpers
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.group_encoder import GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import BlockTools, Effort, EncoderSettings
from videocodec.models.bundle import ModelBundle

FLAT = {"keyframe_offset": 0, "layer_offsets": (0,)}
ALONE = BlockTools(merged_blocks=False, merged_vectors=False)
MERGED = BlockTools(merged_vectors=False)
PLAIN = Effort(1, hierarchical=False, importance=False, blocks=ALONE)
HIERARCHICAL = replace(PLAIN, hierarchical=True)
FULL = EncoderSettings().effort


class PastOnlyDecider(BlockDecider):
    """The coder before rate and distortion: the flow's median vectors, and a residual where the
    prediction is off by more than twice what quantisation alone would leave.
    """

    def decide(
        self,
        target: np.ndarray,
        sources: Sequence[MotionSource],
        context: BlockContext,
        quantiser: int,
        errors: ErrorWeights | None = None,
        *,
        picture: np.ndarray | None = None,
    ) -> Decision:
        """As ``BlockDecider.decide``."""
        _, rows, columns = context.temporal.shape[:3]
        fields = BlockFields.blank(rows, columns, Mode.SKIP)
        fields.vectors[0] = sources[0].fields[0]
        prediction = predict_frame(self.tables, fields, (sources[0].reference,), self.block)
        distance = (target - prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        error = block_sums(np.square(distance), self.block) / (len(target) * self.block**2)
        fields.modes[error > 2 / 12] = Mode.RESIDUAL
        return Decision(fields, prediction)


@dataclass(frozen=True)
class Coder:
    """One configuration: settings without crf, whether errors are weighted by channel, and whether
    decisions weigh rate at all.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    weighted: bool = True
    decides: bool = True


def coders() -> tuple[list[Coder], list[Coder]]:
    """Tools added one by one, and some taken out; the last of the first list is the whole
    encoder.
    """
    added = [
        Coder(
            "past only, median flow, threshold, one quantiser",
            {"effort_override": PLAIN, "lagrangian": 0.0} | FLAT,
            weighted=False,
            decides=False,
        ),
        Coder(
            "+ decisions by rate and distortion, RDOQ",
            {"effort_override": PLAIN} | FLAT,
            weighted=False,
        ),
        Coder("+ finer keyframe", {"effort_override": PLAIN}, weighted=False),
        Coder(
            "+ hierarchy, two references, coarser temporal layers",
            {"effort_override": HIERARCHICAL},
            weighted=False,
        ),
        Coder(
            "+ merged blocks of 32 and 64 px",
            {"effort_override": replace(HIERARCHICAL, blocks=MERGED)},
            weighted=False,
        ),
        Coder(
            "+ merging",
            {"effort_override": replace(HIERARCHICAL, blocks=BlockTools())},
            weighted=False,
        ),
        Coder(
            "+ refinement of vectors on latents",
            {"effort_override": replace(FULL, importance=False)},
            weighted=False,
        ),
        Coder(
            "+ distortion weighted by channel", {"effort_override": replace(FULL, importance=False)}
        ),
        Coder("+ importance: the whole encoder"),
    ]
    without = [
        Coder("without the hierarchy", {"effort_override": replace(FULL, hierarchical=False)}),
        Coder("without importance", {"effort_override": replace(FULL, importance=False)}),
        Coder("without weights by channel", weighted=False),
        Coder("without any price on bits (λ = 0)", {"lagrangian": 0.0}),
    ]
    return added, without


class _SpentBits(Observer):
    """bits: ideal code length of all symbols by the name of their table set."""

    def __init__(self) -> None:
        self.bits: dict[str, float] = defaultdict(float)

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        """As the base class says."""
        self.bits[tables.name] += float(tables.costs[ids, symbols].sum())


def code(
    clip: list[EncoderFrame],
    header: SequenceHeader,
    bundle: ModelBundle,
    coder: Coder,
    crf: int,
) -> tuple[list[AccessUnit], dict[str, float]]:
    """Access units of a clip, and bytes of inter frames by what they say."""
    settings = EncoderSettings(crf=crf, **coder.settings)
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    observer = _SpentBits()
    helpers = EncoderHelpers(
        weights=bundle.sensitivity if coder.weighted else None,
        decider=None
        if coder.decides
        else PastOnlyDecider(motion_tables(bundle.tables), header.block_latents, 0.0),
        observer=observer,
    )
    encoder = GroupEncoder(bundle.tables, header, settings, search, helpers=helpers)
    units = [unit for frame in clip for unit in encoder.push(frame)] + encoder.finish()
    spent = {name: bits / 8 for name, bits in observer.bits.items() if name in BLOCK_TABLES}
    spent["residual levels"] = observer.bits[INTER_LEVELS] / 8
    inter = sum(len(unit.to_bytes()) for unit in units if not unit.is_keyframe)
    spent["inter"] = inter
    spent["keyframes"] = sum(len(unit.to_bytes()) for unit in units if unit.is_keyframe)
    return units, spent
