"""The codec tables of a model bundle: everything about a model that decoding integers needs, from
one safetensors file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..errors import BitstreamError
from .adaptive_tables import FREQUENCY_TOTAL
from .block_elements import BLOCK_ELEMENTS
from .context_model import (
    INTER,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    NETWORK_NAMES,
    SliceNetwork,
)

PHASES = 8
FILTER_TAPS = 5
FILTER_BITS = 13

# Number of tables and of symbols of every element of the block syntax.
BLOCK_TABLES = {name: element.shape for name, element in BLOCK_ELEMENTS.items()}
# Of the safetensors library: the last two for types of numbers that numpy does not have.
TENSOR_ERRORS = (SafetensorError, TypeError, AttributeError)
MAX_CHANNELS = 64
# Gives the integers of a name, whose shape must be this one; () is any.
_Take = Callable[[str, tuple[int, ...]], np.ndarray]


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The named arrays of a tables file, unchecked.  Raises ``TablesError``."""
    try:
        return load_file(str(path))
    except (OSError, *TENSOR_ERRORS) as error:
        raise TablesError(f"{path}: codec tables cannot be read ({error})") from error


def block_tensor(name: str) -> str:
    """What the tables of an element of the block syntax are called in the tables file."""
    return f"block.{BLOCK_ELEMENTS[name].stored_name}"


class TablesError(BitstreamError):
    """The tables file is missing, is not safetensors, or a tensor in it has the wrong shape or
    type.
    """


@dataclass(frozen=True)
class CodecTables:
    """Integer tables of one model.

    latent_channels C; slices: channels per slice, adding up to C; networks[kind]: one
    ``SliceNetwork`` per slice for intra and inter levels; level_priors[kind] (LEVEL_TABLES,
    LEVEL_SYMBOLS) and block_priors[name] initial frequencies; phase_filters (8, 8, 25·C, C) float64
    holding int16 values with FILTER_BITS fraction bits, rows ordered tap (row-major over 5×5) then
    channel.
    """

    format_version: ClassVar[int] = 1

    latent_channels: int
    slices: tuple[int, ...]
    networks: dict[int, tuple[SliceNetwork, ...]]
    level_priors: dict[int, np.ndarray]
    block_priors: dict[str, np.ndarray]
    phase_filters: np.ndarray

    @classmethod
    def load(cls, path: str | Path) -> CodecTables:
        """Read ``codec/tables.safetensors``.  Raises ``TablesError`` naming what is wrong."""
        return cls.from_tensors(read_tensors(path), str(path))

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, np.ndarray], source: str = "codec tables"
    ) -> CodecTables:
        """From the named integer arrays that ``to_tensors`` gives; every shape is checked."""

        def take(name: str, shape: tuple[int, ...]) -> np.ndarray:
            value = tensors.get(name)
            if value is None or value.dtype.kind not in "iu" or (shape and value.shape != shape):
                actual = "missing" if value is None else f"{value.dtype} {value.shape}"
                raise TablesError(f"{name} must be integers of shape {shape or 'any'}, is {actual}")
            return value

        try:
            listed = take("slices", ()).ravel()
            if not 1 <= len(listed) <= MAX_CHANNELS:
                raise TablesError(f"slices must be 1..{MAX_CHANNELS} numbers, are {len(listed)}")
            slices = tuple(int(n) for n in listed)
            channels = sum(slices)
            if not channels <= MAX_CHANNELS or min(slices) < 1:
                raise TablesError(
                    f"slices {slices} must be positive and add up to 1..{MAX_CHANNELS} channels"
                )
            return cls(
                channels,
                slices,
                {
                    kind: tuple(_network(take, name, kind, slices, i) for i in range(len(slices)))
                    for kind, name in NETWORK_NAMES.items()
                },
                {
                    kind: _frequencies(take, f"{name}.levels", (LEVEL_TABLES, LEVEL_SYMBOLS))
                    for kind, name in NETWORK_NAMES.items()
                },
                {
                    name: _frequencies(take, block_tensor(name), shape)
                    for name, shape in BLOCK_TABLES.items()
                },
                _filters(take, channels),
            )
        except ValueError as error:
            raise TablesError(f"{source}: {error}") from error

    def to_tensors(self) -> dict[str, np.ndarray]:
        """The arrays as they are stored: int16 filters, int32 networks, int32 frequencies."""
        tensors = {
            "slices": np.array(self.slices, dtype=np.int32),
            "phase_filters": self.phase_filters.astype(np.int16),
        }
        for kind, name in NETWORK_NAMES.items():
            tensors[f"{name}.levels"] = self.level_priors[kind].astype(np.int32)
            for i, net in enumerate(self.networks[kind]):
                for part in ("gather", "gather_bias", "mix", "mix_bias"):
                    tensors[f"{name}.{i}.{part}"] = getattr(net, part).astype(np.int32)
        tensors |= {
            block_tensor(name): table.astype(np.int32) for name, table in self.block_priors.items()
        }
        # safetensors writes the memory of an array as it lies, also of a transposed one.
        return {name: np.ascontiguousarray(value) for name, value in tensors.items()}

    def save(self, path: str | Path) -> None:
        """Write the safetensors file."""
        save_file(self.to_tensors(), str(path))


def planes_of(kind: int, first: int, channels: int) -> int:
    """How many planes the network of a slice sees (context_model.LevelCanvas lists them)."""
    return 2 * (first + channels) + 3 + (1 + 2 * channels if kind == INTER else 0)


def _frequencies(take: _Take, name: str, shape: tuple[int, int]) -> np.ndarray:
    values = take(name, shape).astype(np.int64)
    if (
        (values < 1).any()
        or (values > FREQUENCY_TOTAL).any()
        or (values.sum(1) != FREQUENCY_TOTAL).any()
    ):
        raise TablesError(
            f"{name}: every row must hold frequencies >= 1 that add up to {FREQUENCY_TOTAL}"
        )
    return values


def _filters(take: _Take, channels: int) -> np.ndarray:
    values = take("phase_filters", (PHASES, PHASES, FILTER_TAPS**2 * channels, channels)).astype(
        np.float64
    )
    if (values < -(1 << 15)).any() or (values >= 1 << 15).any():
        raise TablesError("phase_filters: weights must be 16-bit integers")
    return values


def _network(
    take: _Take, name: str, kind: int, slices: tuple[int, ...], index: int
) -> SliceNetwork:
    channels = slices[index]
    hidden = take(f"{name}.{index}.mix", ()).size // (2 * channels)
    if not 1 <= hidden <= 256:
        raise TablesError(f"{name}.{index}.mix: hidden width must be 1..256, is {hidden}")
    rows = 9 * planes_of(kind, sum(slices[:index]), channels)
    shapes = {
        "gather": (rows, hidden + 2 * channels),
        "gather_bias": (hidden + 2 * channels,),
        "mix": (hidden, 2 * channels),
        "mix_bias": (2 * channels,),
    }
    values = {
        part: take(f"{name}.{index}.{part}", shape).astype(np.float64)
        for part, shape in shapes.items()
    }
    if any(np.abs(v).max(initial=0) > 1 << 20 for v in values.values()):
        raise TablesError(
            f"{name}.{index}: weights must lie within ±2^20, or sums would not be exact"
        )
    return SliceNetwork(**values, channels=channels)
