"""What inter frames need of a model beside its keyframes' tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.tables import TablesError
from .block_elements import BLOCK_TABLES
from .context_network import SliceNetwork
from .level_contexts import LEVEL_CLASSES
from .loop_networks import LoopNetworks
from .reading import KernelContexts
from .tensors import NETWORK_PARTS, Take, frequencies, network

SEARCH_SIDE = 16  # px around a position that the search map sees
SEARCH_INPUTS = 3 * SEARCH_SIDE**2
_FRACTION_BITS, _LARGEST = 12, 32767  # of what is for encoders alone
# What the names of these tensors begin with; a file has all of them or none.
INTER_NAMES = ("inter.", "loop.", "block.", "search_map", "error_weights")
FLAG_CHANNELS = 2  # side channels of a position: whether its block is coded, whether it is intra


@dataclass(frozen=True)
class InterTables:
    """Integer tables for inter frames of a model with C channels in S slices.

    networks: one per slice, which see as many side channels as ``others`` says.
    level_priors: initial frequencies by class of levels, and of ``last_slice``.
    block_priors: initial frequencies of the block layer.
    loop: the networks between which pictures move.
    search_map (C, 3·16²) float32: what encoders price candidates with, about what the loop's
    encoder makes of a difference of pictures 16 px around a position; latent units a step of
    pictures.
    error_weights (C,) float32: what an error in each channel counts to encoders, with mean 1.

    Decoders do not look at the last two.
    """

    networks: tuple[SliceNetwork, ...]
    level_priors: Mapping[str, npt.NDArray[np.int64]]
    block_priors: dict[str, npt.NDArray[np.int64]]
    loop: LoopNetworks
    search_map: npt.NDArray[np.float32]
    error_weights: npt.NDArray[np.float32]

    @cached_property
    def kernel_contexts(self) -> KernelContexts:
        """The networks of levels."""
        return KernelContexts(self.networks, inter=True)

    @property
    def latent_channels(self) -> int:
        """C."""
        return self.loop.shape.channels

    @classmethod
    def of(cls, take: Take, slices: tuple[int, ...]) -> InterTables:
        """From the tensors of a file.  Raises ``TablesError``."""
        shapes = level_shapes(len(slices))
        return cls(
            tuple(
                network(take, f"inter.{index}", others(slices, index), width)
                for index, width in enumerate(slices)
            ),
            {name: frequencies(take, f"inter.{name}", shape) for name, shape in shapes.items()},
            {
                name: frequencies(take, f"block.{name}", shape)
                for name, shape in BLOCK_TABLES.items()
            },
            LoopNetworks.of(take, sum(slices)),
            _real(take, "search_map", (sum(slices), SEARCH_INPUTS)),
            _real(take, "error_weights", (sum(slices),)),
        )

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """By their names in the file."""
        tensors = self.loop.to_tensors()
        for name in ("search_map", "error_weights"):
            scaled = np.rint(np.ldexp(getattr(self, name), _FRACTION_BITS))
            tensors[name] = np.clip(scaled, -_LARGEST, _LARGEST).astype(np.int16)
        for index, net in enumerate(self.networks):
            for part in NETWORK_PARTS:
                tensors[f"inter.{index}.{part}"] = getattr(net, part)
        tensors |= {f"inter.{name}": table for name, table in self.level_priors.items()}
        tensors |= {f"block.{name}": table for name, table in self.block_priors.items()}
        return tensors


def _real(take: Take, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    stored = take(name, shape)
    if np.abs(stored).max() > _LARGEST:
        raise TablesError(f"{name}: must lie within ±{_LARGEST}")
    return np.ldexp(stored.astype(np.float32), -_FRACTION_BITS)


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
