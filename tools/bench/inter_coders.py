"""The configurations of the inter coder that ``tools/bench/inter.py`` compares."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.context_model import INTER
from bitstream.v1.frame_coder import FrameCoder, predict_frame
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from videocodec.encoder.decisions import BlockDecider, Decision
from videocodec.encoder.group_encoder import EncoderFrame, GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import Effort, EncoderSettings
from videocodec.models.bundle import ModelBundle

FLAT = {"keyframe_offset": 0, "level_offsets": (0,)}
PLAIN = Effort(1, hierarchical=False, units=False, merges=False, importance=False, refinements=0)
FULL = EncoderSettings().effort


class PastOnlyDecider(BlockDecider):
    """The coder before rate and distortion: the flow's median vectors, and a residual where the
    prediction is off by more than twice what quantisation alone would leave.
    """

    def decide(
        self,
        target: np.ndarray,
        reference: ReferenceFrame,
        candidates: list[np.ndarray],
        context: BlockContext,
        quantiser: int,
        future: tuple[ReferenceFrame, list[np.ndarray]] | None = None,
        classes: np.ndarray | None = None,
    ) -> Decision:
        """As ``BlockDecider.decide``."""
        fields = BlockFields.blank(*context.temporal.shape[1:3], Mode.SKIP)
        fields.vectors[0] = candidates[0]
        prediction = predict_frame(self.tables, fields, (reference,), self.block)
        distance = (target - prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        channels, height, width = distance.shape
        b = self.block
        error = np.square(distance).reshape(channels, height // b, b, width // b, b).mean((0, 2, 4))
        fields.modes[error > 2 / 12] = Mode.RESIDUAL
        return Decision(fields, prediction)


@dataclass(frozen=True)
class Coder:
    """One configuration: settings without crf, whether errors are weighted by channel, and whether
    decisions weigh rate at all.
    """

    name: str
    settings: dict = field(default_factory=dict)
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
            "+ hierarchy, two references, coarser levels",
            {"effort_override": replace(PLAIN, hierarchical=True)},
            weighted=False,
        ),
        Coder(
            "+ units of 32 and 64 px",
            {"effort_override": replace(PLAIN, hierarchical=True, units=True)},
            weighted=False,
        ),
        Coder(
            "+ merging",
            {"effort_override": replace(PLAIN, hierarchical=True, units=True, merges=True)},
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


def code(
    clip: list[EncoderFrame],
    header: SequenceHeader,
    bundle: ModelBundle,
    coder: Coder,
    crf: int,
) -> tuple[list[AccessUnit], dict[str, float]]:
    """Access units of a clip, and bytes of inter frames by what they say."""
    settings = EncoderSettings(crf=crf, **coder.settings)
    block = 1 << header.block_log2
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    made: list[FrameCoder] = []

    def new_coder(*arguments: object) -> FrameCoder:
        made.append(FrameCoder(*arguments))
        return made[-1]

    weights = bundle.sensitivity if coder.weighted else None
    encoder = GroupEncoder(
        bundle.tables, header, settings, search, new_coder=new_coder, weights=weights
    )
    if not coder.decides:
        encoder._decider = encoder._leaf_decider = PastOnlyDecider(bundle.tables, block, 0.0)
    units = [unit for frame in clip for unit in encoder.push(frame)] + encoder.finish()
    spent: dict[str, float] = defaultdict(float)
    for one in made:
        for name, tables in one.blocks.tables.items():
            spent[name] += tables.spent() / 8
        spent["residual levels"] += one.levels.table_sets[INTER].spent() / 8
    inter = sum(len(unit.to_bytes()) for unit in units if not unit.is_keyframe)
    spent["inter"] = inter
    spent["keyframes"] = sum(len(unit.to_bytes()) for unit in units if unit.is_keyframe)
    return units, dict(spent)
