"""The codec tables of version 2, from one safetensors file: context networks and frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from ..v1.tables import MAX_CHANNELS, TablesError, read_tensors
from .context_network import SliceNetwork
from .inter_tables import INTER_NAMES, InterTables
from .level_contexts import LARGEST_LEVEL_SIZE, LEVEL_CLASSES, USUAL_LEVEL_SIZE
from .reading import KernelContexts
from .scan import LATTICE_SLICES
from .tensors import NETWORK_PARTS, Take, difference_network, frequencies, network, taker


@dataclass(frozen=True)
class LevelTables:
    """Integer tables of one model.

    slices: channels per slice, adding up to C.
    networks: one per slice.
    priors: initial frequencies by element, (tables, symbols) int64.
    level_sizes (C,) int64: sixteenths of the step that a level of each channel is large, 16..64;
    given as None they are all 16.
    inter: what inter frames need; without it there are keyframes alone.
    differences: difference networks of the slices in lattice order, or none.
    """

    format_version: ClassVar[int] = 2

    slices: tuple[int, ...]
    networks: tuple[SliceNetwork, ...]
    priors: Mapping[str, npt.NDArray[np.int64]]
    inter: InterTables | None = None
    level_sizes: npt.NDArray[np.int64] = None  # type: ignore[assignment]  # until it is made
    differences: tuple[SliceNetwork, ...] = ()

    def __post_init__(self) -> None:
        if self.level_sizes is None:
            object.__setattr__(self, "level_sizes", usual_level_sizes(self.latent_channels))

    @cached_property
    def kernel_contexts(self) -> KernelContexts:
        """The networks of keyframes' levels."""
        return KernelContexts(self.networks, inter=False, differences=self.differences)

    @property
    def latent_channels(self) -> int:
        """C."""
        return sum(self.slices)

    @classmethod
    def load(cls, path: str | Path) -> LevelTables:
        """Read a tables file.  Raises ``TablesError`` naming what is wrong."""
        return cls.from_tensors(read_tensors(path), str(path))

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, npt.NDArray[Any]], source: str = "codec tables"
    ) -> LevelTables:
        """From the named integer arrays that ``to_tensors`` gives; every shape is checked."""
        take = taker(tensors)
        try:
            slices = _slices(take)
            shapes = element_shapes(len(slices))
            return cls(
                slices,
                tuple(
                    network(take, f"context.{index}", sum(slices[:index]), channels)
                    for index, channels in enumerate(slices)
                ),
                {name: frequencies(take, name, shape) for name, shape in shapes.items()},
                InterTables.of(take, slices) if _has(tensors, *INTER_NAMES) else None,
                _level_sizes(take, sum(slices))
                if "level_sizes" in tensors
                else usual_level_sizes(sum(slices)),
                _differences(take, slices) if _has(tensors, "difference.") else (),
            )
        except ValueError as error:
            raise TablesError(f"{source}: {error}") from error

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays as they are stored: int16 weights and curves of the loop's networks, int32
        all else.
        """
        tensors: dict[str, npt.NDArray[Any]] = {"slices": np.array(self.slices), **self.priors}
        if (self.level_sizes != USUAL_LEVEL_SIZE).any():
            tensors["level_sizes"] = self.level_sizes
        if self.inter is not None:
            tensors |= self.inter.to_tensors()
        for name, networks in (("context", self.networks), ("difference", self.differences)):
            for index, net in enumerate(networks):
                for part in NETWORK_PARTS:
                    tensors[f"{name}.{index}.{part}"] = getattr(net, part)
        # safetensors writes the memory of an array as it lies, also of a transposed one.
        return {
            name: np.ascontiguousarray(v if v.dtype == np.int16 else v.astype(np.int32))
            for name, v in tensors.items()
        }

    def save(self, path: str | Path) -> None:
        """Write the safetensors file, which names its version."""
        save_file(self.to_tensors(), str(path), {"format_version": str(self.format_version)})


def usual_level_sizes(channels: int) -> npt.NDArray[np.int64]:
    """A step for every channel."""
    return np.full(channels, USUAL_LEVEL_SIZE, dtype=np.int64)


def element_shapes(slices: int) -> dict[str, tuple[int, int]]:
    """Tables and symbols of every element of the syntax, for a model of so many slices."""
    levels = {level_class.name: level_class.shape for level_class in LEVEL_CLASSES}
    return {"slice_count": (1, slices + 1), **levels}


def _has(tensors: Mapping[str, npt.NDArray[Any]], *beginnings: str) -> bool:
    """Whether a file has a tensor whose name begins so, and must have all of its kind."""
    return any(name.startswith(beginnings) for name in tensors)


def _differences(take: Take, slices: tuple[int, ...]) -> tuple[SliceNetwork, ...]:
    return tuple(
        difference_network(take, f"difference.{index}", sum(slices[:index]), channels)
        for index, channels in enumerate(slices[:LATTICE_SLICES])
    )


def _level_sizes(take: Take, channels: int) -> npt.NDArray[np.int64]:
    sizes = take("level_sizes", (channels,))
    if sizes.min() < USUAL_LEVEL_SIZE or sizes.max() > LARGEST_LEVEL_SIZE:
        raise TablesError(
            f"level_sizes must lie within {USUAL_LEVEL_SIZE}..{LARGEST_LEVEL_SIZE} sixteenths"
        )
    return sizes


def _slices(take: Take) -> tuple[int, ...]:
    listed = take("slices", ()).ravel()
    if not 1 <= len(listed) <= MAX_CHANNELS:
        raise TablesError(f"slices must be 1..{MAX_CHANNELS} numbers, are {len(listed)}")
    slices = tuple(int(count) for count in listed)
    if min(slices) < 1 or sum(slices) > MAX_CHANNELS:
        raise TablesError(
            f"slices {slices} must be positive and add up to 1..{MAX_CHANNELS} channels"
        )
    return slices
