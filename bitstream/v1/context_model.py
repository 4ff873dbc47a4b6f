"""Context modelling of quantised latents: a small integer network gives every level a mean and a
scale.

Channels are coded in slices; each slice in two checkerboard passes (He et al. 2021, Minnen & Singh
2020).  For a pass, a 3×3 neighbourhood of everything already decoded goes through one hidden layer.
The two outputs, mean and log2 scale in sixteenths, choose a frequency table and an offset for the
level.

All arithmetic is on integers held in float64, exact below 2^53 in any order of summation, so a BLAS
product gives the same integers everywhere; tests bound every intermediate value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ldexp

import numpy as np
import numpy.typing as npt

from .context_layouts import ContextLayout

WEIGHT_BITS = 11  # fraction bits of weights and first-layer biases
HIDDEN_BITS = 6  # fraction bits of hidden activations
HIDDEN_LIMIT = 32767
OUTPUT_BITS = 4  # mean and log2 scale come in sixteenths
INPUT_LIMIT = 127  # levels are clamped to ±INPUT_LIMIT before they enter the network
MEAN_LIMIT = 16 * 120

SCALE_BINS = 20  # half octaves of the scale from 2^-4 on
FRACTION_BINS = 4  # quarters of a level
LEVEL_CONTEXTS = ContextLayout(scale=SCALE_BINS, fraction=FRACTION_BINS)
# offsets -RADIUS..RADIUS have a symbol; the last two symbols are escapes below and above
RADIUS = 32
LEVEL_TABLES = LEVEL_CONTEXTS.count
LEVEL_SYMBOLS = 2 * RADIUS + 3

INTRA, INTER = 0, 1
NETWORK_NAMES = {INTRA: "intra", INTER: "inter"}


def checkerboard(height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width) bool, True where a position belongs to the first pass: row + column even."""
    first: npt.NDArray[np.bool_] = (np.arange(height)[:, None] + np.arange(width)[None]) % 2 == 0
    return first


@dataclass(frozen=True)
class SliceNetwork:
    """Integer weights of one slice's network.

    channels: of the slice, C below; gather (9·K, hidden + 2·C) float64 holding integers of
    WEIGHT_BITS fraction bits, rows ordered plane-major then row-major over the 3×3 neighbourhood;
    gather_bias (hidden + 2·C,); mix (hidden, 2·C); mix_bias (2·C,), both with WEIGHT_BITS.  K
    planes: see ``LevelCanvas``.
    """

    gather: np.ndarray
    gather_bias: np.ndarray
    mix: np.ndarray
    mix_bias: np.ndarray
    channels: int

    def __post_init__(self) -> None:
        outputs, hidden = 2 * self.channels, self.mix.shape[0]
        if (
            self.gather.shape[1] != hidden + outputs
            or self.mix.shape[1] != outputs
            or self.gather.shape[0] % 9
        ):
            raise ValueError(
                f"context network: shapes {self.gather.shape} and {self.mix.shape} do not fit"
                f" {self.channels} channels"
            )

    def evaluate(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (n, 9·K), integers in float64 → mean and log2 scale in sixteenths, (n, channels)
        int64 each.
        """
        hidden = self.mix.shape[0]
        gathered = features @ self.gather
        gathered += self.gather_bias
        # ldexp, not a power: where somebody has changed the processor's rounding, 2.0**-7 may be
        # off by a bit, which moves a floor.
        activation = gathered[:, :hidden] * ldexp(1, HIDDEN_BITS - WEIGHT_BITS)
        np.floor(activation, out=activation)
        np.minimum(np.maximum(activation, 0, out=activation), HIDDEN_LIMIT, out=activation)
        mixed = activation @ self.mix
        mixed *= ldexp(1, -HIDDEN_BITS)
        np.floor(mixed, out=mixed)
        mixed += self.mix_bias
        mixed += gathered[:, hidden:]
        down = WEIGHT_BITS - OUTPUT_BITS
        mixed += 1 << (down - 1)
        mixed *= ldexp(1, -down)
        out = np.floor(mixed, out=mixed).astype(np.int64)
        return (
            np.minimum(np.maximum(out[:, : self.channels], -MEAN_LIMIT), MEAN_LIMIT),
            out[:, self.channels :],
        )


@dataclass(frozen=True)
class SymbolContext:
    """How each level of a pass is coded: ``level = sign · (offset + base)``, the offset under table
    ``table``.

    All arrays (n,) int64; sign is ±1, base >= 0.
    """

    table: npt.NDArray[np.int64]
    base: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int64]

    @classmethod
    def of(cls, mean: npt.NDArray[np.int64], scale: npt.NDArray[np.int64]) -> SymbolContext:
        """From mean and log2 scale in sixteenths.

        Negative means are mirrored, which halves the number of tables.
        """
        sign = np.where(mean < 0, -1, 1)
        rounded = (np.abs(mean) + 2) >> 2  # quarters
        scale_bin = np.minimum(np.maximum((scale + 64 + 4) >> 3, 0), SCALE_BINS - 1)
        tables = LEVEL_CONTEXTS.index(scale=scale_bin, fraction=rounded & (FRACTION_BINS - 1))
        return cls(tables, rounded >> 2, sign)

    def symbols(self, levels: np.ndarray) -> np.ndarray:
        """Symbol of each level (n,), escapes where the offset is beyond RADIUS."""
        offset = levels * self.sign - self.base
        return np.where(
            offset < -RADIUS,
            LEVEL_SYMBOLS - 2,
            np.where(offset > RADIUS, LEVEL_SYMBOLS - 1, offset + RADIUS),
        )

    def escape_values(self, levels: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """How far beyond RADIUS each escaped level lies, >= 0; zeros for the others."""
        return np.where(
            symbols >= LEVEL_SYMBOLS - 2, np.abs(levels * self.sign - self.base) - RADIUS - 1, 0
        )

    def levels(
        self, symbols: npt.NDArray[np.int64], escapes: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The inverse of the two methods above."""
        offset: npt.NDArray[np.int64] = symbols - RADIUS
        offset = np.where(symbols == LEVEL_SYMBOLS - 2, -(escapes + RADIUS + 1), offset)
        offset = np.where(symbols == LEVEL_SYMBOLS - 1, escapes + RADIUS + 1, offset)
        levels: npt.NDArray[np.int64] = (offset + self.base) * self.sign
        return levels


@dataclass(frozen=True)
class NetworkInputs:
    """What one pass feeds a slice's network: the neighbourhoods of n >= 1 positions.

    kind: INTRA or INTER; first, channels: of the slice; second: whether it is the second pass;
    rows, columns (n,): of the positions.
    """

    kind: int
    first: int
    channels: int
    second: bool
    rows: np.ndarray
    columns: np.ndarray


class LevelCanvas:
    """The levels of one frame while they are being coded, with a border of zeros, and the side
    planes of the networks.

    ``levels`` (C, h, w) int64 is what has been coded so far.  Planes a slice's network sees, in
    this order: levels of earlier slices and of its own (channels ascending), their magnitudes,
    "second pass", log2 step in eighths, "inside the picture", and for inter networks also "coded
    position", |prediction| / step and |previous levels| of its own channels.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        log2_step: int,
        coded: np.ndarray,
        side: np.ndarray | None,
    ) -> None:
        """``coded`` (h, w) bool; ``side`` (2, C, h, w) small integers (prediction and previous
        magnitudes), or None if all intra.
        """
        self.shape = (channels, height, width)
        self._pitch = width + 2
        self._size = (height + 2) * self._pitch
        # Rows: levels, their magnitudes, nothing, inside, log2 step, coded, and the two kinds of
        # magnitudes of ``side``.
        planes = np.zeros(
            (2 * channels + (4 if side is None else 4 + 2 * channels), height + 2, width + 2)
        )
        fixed = planes[2 * channels :, 1:-1, 1:-1]
        fixed[1], fixed[2], fixed[3] = 1, log2_step, coded
        if side is not None:
            fixed[4:] = side.reshape(2 * channels, height, width)
        self._planes = planes.reshape(len(planes), -1)
        self._flat = self._planes.reshape(-1)

    @property
    def levels(self) -> np.ndarray:
        """(C, h, w) int64."""
        channels, height, width = self.shape
        return (
            self._planes[:channels]
            .reshape(channels, height + 2, width + 2)[:, 1:-1, 1:-1]
            .astype(np.int64)
        )

    def store(self, first: int, rows: np.ndarray, columns: np.ndarray, levels: np.ndarray) -> None:
        """Put levels (n, channels) of channels from ``first`` on at n positions; they are clamped
        to ±INPUT_LIMIT for the networks.
        """
        centre, channels = (rows + 1) * self._pitch + columns + 1, self.shape[0]
        limited = np.minimum(np.maximum(levels, -INPUT_LIMIT), INPUT_LIMIT).T
        self._planes[first : first + len(limited), centre] = limited
        self._planes[channels + first : channels + first + len(limited), centre] = np.abs(limited)

    def features(self, inputs: NetworkInputs, part: slice = slice(None)) -> npt.NDArray[np.float64]:
        """The 3×3 neighbourhoods of all planes that a network sees, at a ``part`` of the positions:
        (n, 9·K) float64 holding integers.
        """
        offsets = _taps(
            (self.shape[0], self._size, self._pitch),
            inputs.kind,
            inputs.first,
            inputs.channels,
            inputs.second,
        )
        centres = (inputs.rows[part] + 1) * self._pitch + inputs.columns[part] + 1
        features: npt.NDArray[np.float64] = self._flat.take(centres[:, None] + offsets)
        return features


@lru_cache(maxsize=64)
def _taps(
    canvas: tuple[int, int, int], kind: int, first: int, channels: int, second: bool
) -> npt.NDArray[np.int64]:
    """Where the inputs of a network lie, relative to the position in the first of the planes.

    ``canvas``: channels of the frame, entries of a plane, and entries of a row.
    """
    total, size, pitch = canvas
    fixed, seen = 2 * total, first + channels
    planes = [*range(seen), *range(total, total + seen), fixed + second, fixed + 2, fixed + 1]
    if kind == INTER:
        planes += [
            fixed + 3,
            *range(fixed + 4 + first, fixed + 4 + seen),
            *range(fixed + 4 + total + first, fixed + 4 + total + seen),
        ]
    neighbourhood = np.array([dy * pitch + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    offsets: npt.NDArray[np.int64] = (np.array(planes)[:, None] * size + neighbourhood).ravel()
    offsets.flags.writeable = False
    return offsets
