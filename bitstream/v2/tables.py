"""The codec tables of version 2, from one safetensors file: context networks and frequencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ..v1.adaptive_tables import FREQUENCY_TOTAL
from ..v1.tables import MAX_CHANNELS, TENSOR_ERRORS, TablesError
from .context_network import TAPS, WEIGHT_LIMIT, SliceNetwork, planes_of
from .level_contexts import LEVEL_CLASSES

_LARGEST_HIDDEN = 256
NETWORK_PARTS = ("direct", "direct_bias", "gather", "gather_bias", "mix")
# Gives the integers of a name, whose shape must be this one; () is any.
_Take = Callable[[str, tuple[int, ...]], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class LevelTables:
    """Integer tables of one model.

    slices: channels per slice, adding up to C.
    networks: one per slice.
    priors: initial frequencies by element, (tables, symbols) int64.
    """

    format_version: ClassVar[int] = 2

    slices: tuple[int, ...]
    networks: tuple[SliceNetwork, ...]
    priors: Mapping[str, npt.NDArray[np.int64]]

    @property
    def latent_channels(self) -> int:
        """C."""
        return sum(self.slices)

    @classmethod
    def load(cls, path: str | Path) -> LevelTables:
        """Read a tables file.  Raises ``TablesError`` naming what is wrong."""
        try:
            tensors = load_file(str(path))
        except (OSError, *TENSOR_ERRORS) as error:
            raise TablesError(f"{path}: codec tables cannot be read ({error})") from error
        return cls.from_tensors(tensors, str(path))

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, npt.NDArray[Any]], source: str = "codec tables"
    ) -> LevelTables:
        """From the named integer arrays that ``to_tensors`` gives; every shape is checked."""

        def take(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
            value = tensors.get(name)
            if value is None or value.dtype.kind not in "iu" or (shape and value.shape != shape):
                found = "missing" if value is None else f"{value.dtype} {value.shape}"
                raise TablesError(f"{name} must be integers of shape {shape or 'any'}, is {found}")
            integers: npt.NDArray[np.int64] = value.astype(np.int64)
            return integers

        try:
            slices = _slices(take)
            shapes = element_shapes(len(slices))
            return cls(
                slices,
                tuple(_network(take, slices, index) for index in range(len(slices))),
                {name: _frequencies(take, name, shape) for name, shape in shapes.items()},
            )
        except ValueError as error:
            raise TablesError(f"{source}: {error}") from error

    def to_tensors(self) -> dict[str, npt.NDArray[np.int32]]:
        """The arrays as they are stored, int32."""
        tensors: dict[str, npt.NDArray[Any]] = {"slices": np.array(self.slices), **self.priors}
        for index, network in enumerate(self.networks):
            for part in NETWORK_PARTS:
                tensors[f"context.{index}.{part}"] = getattr(network, part)
        # safetensors writes the memory of an array as it lies, also of a transposed one.
        return {name: np.ascontiguousarray(v.astype(np.int32)) for name, v in tensors.items()}

    def save(self, path: str | Path) -> None:
        """Write the safetensors file, which names its version."""
        save_file(self.to_tensors(), str(path), {"format_version": str(self.format_version)})


def element_shapes(slices: int) -> dict[str, tuple[int, int]]:
    """Tables and symbols of every element of the syntax, for a model of so many slices."""
    levels = {level_class.name: level_class.shape for level_class in LEVEL_CLASSES}
    return {"slice_count": (1, slices + 1), **levels}


def _slices(take: _Take) -> tuple[int, ...]:
    listed = take("slices", ()).ravel()
    if not 1 <= len(listed) <= MAX_CHANNELS:
        raise TablesError(f"slices must be 1..{MAX_CHANNELS} numbers, are {len(listed)}")
    slices = tuple(int(count) for count in listed)
    if min(slices) < 1 or sum(slices) > MAX_CHANNELS:
        raise TablesError(
            f"slices {slices} must be positive and add up to 1..{MAX_CHANNELS} channels"
        )
    return slices


def _frequencies(take: _Take, name: str, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    values = take(name, shape)
    is_outside = (values < 1) | (values > FREQUENCY_TOTAL)
    if is_outside.any() or (values.sum(1) != FREQUENCY_TOTAL).any():
        raise TablesError(
            f"{name}: every row must hold frequencies >= 1 that add up to {FREQUENCY_TOTAL}"
        )
    return values


def _network(take: _Take, slices: tuple[int, ...], index: int) -> SliceNetwork:
    channels, name = slices[index], f"context.{index}"
    hidden = take(f"{name}.mix", ()).size // (2 * channels)
    if not 1 <= hidden <= _LARGEST_HIDDEN:
        raise TablesError(f"{name}.mix: hidden width must be 1..{_LARGEST_HIDDEN}, is {hidden}")
    rows = TAPS * planes_of(sum(slices[:index]), channels)
    shapes = dict(
        zip(
            NETWORK_PARTS,
            (
                (rows, 2 * channels),
                (2 * channels,),
                (rows, hidden),
                (hidden,),
                (hidden, 2 * channels),
            ),
            strict=True,
        )
    )
    values = {p: take(f"{name}.{p}", shape).astype(np.float64) for p, shape in shapes.items()}
    if any(np.abs(value).max() > WEIGHT_LIMIT for value in values.values()):
        raise TablesError(f"{name}: weights must lie within ±2^24, or sums would not be exact")
    return SliceNetwork(**values, channels=channels)
