"""Past, future or their average for the blocks of a frame with two references."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import Direction
from bitstream.v1.block_lattice import stages
from bitstream.v1.motion_vectors import scaled

from .candidates import CandidateSearch, DirectionBits
from .merging import Partition
from .vector_choice import Motion


@dataclass(frozen=True)
class Directions:
    """directions (bh, bw) of ``Direction``; vectors (2, bh, bw, 2), 0 where unused; prediction as
    of a ``Candidate``.
    """

    directions: np.ndarray
    vectors: np.ndarray
    prediction: np.ndarray


def choose_directions(
    search: CandidateSearch,
    partition: Partition,
    context: BlockContext,
    past: Motion,
    future: Motion,
) -> Directions:
    """The cheapest direction of all merged blocks, stage by stage in the order of the syntax."""
    averaged, cost = search.averaged(past.chosen.prediction, future.chosen.prediction)
    to_past, to_future = context.distances
    mirrored = search.vector_costs(
        future.chosen.vectors - scaled(past.chosen.vectors, to_future, to_past)
    )
    vector_costs = [past.vector_costs, future.vector_costs, past.vector_costs + mirrored]
    costs = [past.chosen.cost, future.chosen.cost, cost]
    totals = np.stack([partition.sums(cost) for cost in costs]) + np.stack(vector_costs)
    choice = _chosen(search, partition, totals, search.direction_prices(context, partition.sides))
    vectors = np.stack(
        [
            np.where((choice != Direction.FUTURE)[..., None], past.chosen.vectors, 0),
            np.where((choice != Direction.PAST)[..., None], future.chosen.vectors, 0),
        ]
    )
    prediction = averaged
    for direction, motion in ((Direction.PAST, past), (Direction.FUTURE, future)):
        search.take(prediction, choice == direction, motion.chosen.prediction)
    return Directions(choice, vectors, prediction)


def _chosen(
    search: CandidateSearch, partition: Partition, totals: np.ndarray, bits: DirectionBits
) -> np.ndarray:
    """(3, bh, bw) costs of the leaders, but for the direction's own bits → (bh, bw) directions."""
    choice = np.where(partition.derived, int(Direction.AVERAGE), 0)
    coded = partition.derived.copy()
    for stage in stages(*search.grid):
        leading = partition.leads[stage.blocks]
        if not leading.any():
            continue
        blocks = stage.blocks[leading]
        price = search.lagrangian * bits(stage, leading, choice, coded)
        choice.reshape(-1)[blocks] = (totals.reshape(3, -1)[:, blocks] + price).argmin(0)
        coded.reshape(-1)[blocks] = True
        choice = np.where(partition.shared(coded), partition.shared(choice), choice)
    return partition.shared(choice)
