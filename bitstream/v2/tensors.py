"""Reading the tensors of a tables file of version 2, with every shape and range checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.adaptive_tables import FREQUENCY_TOTAL
from ..v1.tables import TablesError
from .context_network import TAPS, WEIGHT_LIMIT, SliceNetwork, planes_of
from .difference_taps import taps_of

_LARGEST_HIDDEN = 256
_LARGEST_STORED = 1 << 62  # of any tensor, either way, so that no magnitude overflows
NETWORK_PARTS = ("direct", "direct_bias", "gather", "gather_bias", "mix")
# Gives the integers of a name, whose shape must be this one; () is any.
Take = Callable[[str, tuple[int, ...]], npt.NDArray[np.int64]]


def taker(tensors: Mapping[str, npt.NDArray[Any]]) -> Take:
    """Takes integers out of the tensors of a file.  Raises ``TablesError`` for what is missing or
    of another kind or shape.
    """

    def take(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        value = tensors.get(name)
        if value is None or value.dtype.kind not in "iu" or (shape and value.shape != shape):
            found = "missing" if value is None else f"{value.dtype} {value.shape}"
            raise TablesError(f"{name} must be integers of shape {shape or 'any'}, is {found}")
        if value.size and (value.max() > _LARGEST_STORED or value.min() < -_LARGEST_STORED):
            raise TablesError(f"{name}: integers must lie within ±2^62")
        integers: npt.NDArray[np.int64] = value.astype(np.int64)
        return integers

    return take


def frequencies(take: Take, name: str, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Rows of frequencies of that shape.  Raises ``TablesError``."""
    values = take(name, shape)
    is_outside = (values < 1) | (values > FREQUENCY_TOTAL)
    if is_outside.any() or (values.sum(1) != FREQUENCY_TOTAL).any():
        raise TablesError(
            f"{name}: every row must hold frequencies >= 1 that add up to {FREQUENCY_TOTAL}"
        )
    return values


def network(take: Take, name: str, others: int, channels: int) -> SliceNetwork:
    """The context network of that name for a slice of so many channels, which sees so many
    others.  Raises ``TablesError``.
    """
    return _network(take, name, TAPS * planes_of(others, channels), channels, TAPS)


def difference_network(take: Take, name: str, earlier: int, channels: int) -> SliceNetwork:
    """The difference network of that name for a slice of so many channels, after so many.  Raises
    ``TablesError``.
    """
    return _network(take, name, planes_of(taps_of(earlier, channels), 0), channels, 1)


def _network(take: Take, name: str, rows: int, channels: int, taps: int) -> SliceNetwork:
    hidden = take(f"{name}.mix", ()).size // (2 * channels)
    if not 1 <= hidden <= _LARGEST_HIDDEN:
        raise TablesError(f"{name}.mix: hidden width must be 1..{_LARGEST_HIDDEN}, is {hidden}")
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
    return SliceNetwork(**values, channels=channels, taps=taps)
