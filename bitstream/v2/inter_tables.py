"""What inter frames need of a model beside its keyframes' tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.tables import BLOCK_TABLES, FILTER_TAPS, PHASES, TablesError, block_tensor
from .context_network import SliceNetwork
from .level_contexts import LEVEL_CLASSES
from .tensors import NETWORK_PARTS, Take, frequencies, network

FLAG_CHANNELS = 2  # side channels of a position: whether its block is coded, whether it is intra
_FILTER_LIMIT = 1 << 15


@dataclass(frozen=True)
class InterTables:
    """Integer tables for inter frames of a model with C channels in S slices.

    networks: one per slice, which see as many side channels as ``others`` says.
    level_priors: initial frequencies by class of levels, and of ``last_slice``.
    block_priors: those of the block layer, as in version 1.
    phase_filters (8, 8, 25·C, C): as in version 1, float64 holding int16 values.
    """

    networks: tuple[SliceNetwork, ...]
    level_priors: Mapping[str, npt.NDArray[np.int64]]
    block_priors: dict[str, npt.NDArray[np.int64]]
    phase_filters: npt.NDArray[np.float64]

    @property
    def latent_channels(self) -> int:
        """C."""
        channels: int = self.phase_filters.shape[-1]
        return channels

    @classmethod
    def of(cls, take: Take, slices: tuple[int, ...]) -> InterTables:
        """From the tensors of a file.  Raises ``TablesError``."""
        channels = sum(slices)
        filters = take("phase_filters", (PHASES, PHASES, FILTER_TAPS**2 * channels, channels))
        if filters.min() < -_FILTER_LIMIT or filters.max() >= _FILTER_LIMIT:
            raise TablesError("phase_filters: weights must be 16-bit integers")
        shapes = level_shapes(len(slices))
        return cls(
            tuple(
                network(take, f"inter.{index}", others(slices, index), width)
                for index, width in enumerate(slices)
            ),
            {name: frequencies(take, f"inter.{name}", shape) for name, shape in shapes.items()},
            {
                name: frequencies(take, block_tensor(name), shape)
                for name, shape in BLOCK_TABLES.items()
            },
            filters.astype(np.float64),
        )

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """By their names in the file."""
        filters = self.phase_filters.astype(np.int16)
        tensors: dict[str, npt.NDArray[Any]] = {"phase_filters": filters}
        for index, net in enumerate(self.networks):
            for part in NETWORK_PARTS:
                tensors[f"inter.{index}.{part}"] = getattr(net, part)
        tensors |= {f"inter.{name}": table for name, table in self.level_priors.items()}
        tensors |= {block_tensor(name): table for name, table in self.block_priors.items()}
        return tensors


def others(slices: tuple[int, ...], index: int) -> int:
    """How many channels the inter network of a slice sees beside its own: those of the slices
    before, the prediction of its own, and the flags of a position.
    """
    return sum(slices[:index]) + slices[index] + FLAG_CHANNELS


def level_shapes(slices: int) -> dict[str, tuple[int, int]]:
    """Tables and symbols of the elements of the level layer, for a model of so many slices."""
    # The first table is for blocks whose neighbours are still to come, the last for blocks without
    # coded ones, those between for the rounded mean of the neighbours.
    levels = {level_class.name: level_class.shape for level_class in LEVEL_CLASSES}
    return {"last_slice": (slices + 3, slices + 1), **levels}
