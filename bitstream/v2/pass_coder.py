"""One pass of the level layer: what its network expects, and the levels around that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from ..v1.adaptive_tables import TableSet
from ..v1.quantiser import MAX_LEVEL
from ..v1.symbol_coder import SymbolReader, SymbolWriter, escape_bits
from .canvas import ValueCanvas
from .context_network import MEAN_LIMIT, SIZES, SliceNetwork
from .difference_taps import has_surroundings
from .level_contexts import LEVEL_CLASSES, USUAL_LEVEL_SIZE, LevelClass, scale_bins
from .local_quantisers import FACTOR_BITS, Offsets, factors, log2_factors
from .reading import update_tables
from .scan import ScanPass

INCREMENT = 256  # of adaptive tables
# A network's inputs take up to 7 kB a position: large passes are evaluated in pieces.
POSITIONS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class PassContext:
    """What an encoder's quantiser may look at for one pass: n positions of so many ``channels``
    from ``first`` on.

    rows, columns (n,); mean (n, channels) int64: in sixteenths of the step; level_sizes (n,
    channels) float64: what a level adds to it, likewise; log2_scale (n, channels) int64: of levels,
    in sixteenths; tables: by class of levels, what ``bits`` prices them by.
    """

    first: int
    channels: int
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    mean: npt.NDArray[np.int64]
    log2_scale: npt.NDArray[np.int64]
    level_sizes: npt.NDArray[np.float64]
    tables: Mapping[str, TableSet]

    def bits(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Bits of candidate levels (n, channels) under the tables in use, escapes included."""
        flat, bins = levels.ravel(), scale_bins(self.log2_scale).ravel()
        bits = np.zeros(len(flat))
        for level_class in LEVEL_CLASSES:
            found = np.flatnonzero(level_class.has(bins))
            chosen, ids = flat[found], bins[found] - level_class.first_bin
            symbols = level_class.symbols(chosen)
            bits[found] = self.tables[level_class.name].costs[ids, symbols]
            escaped = found[level_class.is_escape(symbols)]
            bits[escaped] += escape_bits(np.abs(flat[escaped]) - level_class.radius - 1)
        return bits.reshape(levels.shape)


# Gives the levels (n, channels) int64 of one pass.
LevelChooser = Callable[[PassContext], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class NetworkPass:
    """A pass of a slice: its network, the channels of the canvas that this sees, and n positions.

    first: channel of the slice.
    offsets (n,): of the quantiser at every position.
    difference: its difference network, if it has one.
    """

    network: SliceNetwork
    visible: tuple[int, ...]
    first: int
    scan_pass: ScanPass
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    offsets: Offsets
    difference: SliceNetwork | None = None


class PassCoder:
    """Codes passes under the adaptive tables of one kind of frames.

    priors: by class of levels.
    level_sizes (C,): of all channels of the model, in sixteenths of the step; sizes (2, C): these,
    and log2 of what they are of the usual one, in sixteenths.
    prefix: before the name of a class in what observers are told.
    """

    def __init__(
        self,
        priors: Mapping[str, npt.NDArray[np.int64]],
        level_sizes: npt.NDArray[np.int64],
        prefix: str = "",
    ) -> None:
        self._level_sizes = level_sizes
        self._log2_sizes = SIZES[level_sizes - USUAL_LEVEL_SIZE]
        self.sizes = np.stack([level_sizes, self._log2_sizes])
        self.table_sets = {
            one.name: TableSet(priors[one.name], INCREMENT, prefix + one.name)
            for one in LEVEL_CLASSES
        }

    def copy(self) -> PassCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.table_sets = {name: one.copy() for name, one in self.table_sets.items()}
        return other

    def update(self) -> None:
        """To be called before every frame."""
        update_tables(*self.table_sets.values())

    def code(
        self,
        io: SymbolWriter | SymbolReader,
        network_pass: NetworkPass,
        log2_step: int,
        canvas: ValueCanvas,
        choose: LevelChooser | None,
    ) -> npt.NDArray[np.int64]:
        """The values (n, channels) of a pass, in sixteenths, which the canvas then has too.

        log2_step: in eighths.  choose: the encoder's quantiser, None for a reader.  Raises
        ``BitstreamError`` for levels out of range.
        """
        first, at = network_pass.first, (network_pass.rows, network_pass.columns)
        expected = _expected(network_pass, log2_step, canvas)
        values = self.code_expected(
            io, expected, first, (*at, network_pass.offsets), canvas.width, choose
        )
        canvas.store(first, *at, values)
        return values

    def code_expected(
        self,
        io: SymbolWriter | SymbolReader,
        expected: npt.NDArray[np.int64],
        first: int,
        places: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Offsets],
        width: int,
        choose: LevelChooser | None,
    ) -> npt.NDArray[np.int64]:
        """The values (n, channels) of a pass, in sixteenths, of which means and log2 scales
        (2, n, channels) are known.

        first: channel of the slice.  places (n,) each: rows, columns, and offsets of the quantiser.
        width: of the frame, in positions.  Raises ``BitstreamError`` for levels out of range.
        """
        rows, columns, offsets = places
        channels = expected.shape[2]
        own = slice(first, first + channels)
        by_offset = np.outer(factors(offsets), self._level_sizes[own])
        log2_scale = expected[1] - (self._log2_sizes[own] + log2_factors(offsets)[:, None])
        context = PassContext(
            first,
            channels,
            rows,
            columns,
            expected[0],
            log2_scale,
            np.ldexp(by_offset, -FACTOR_BITS),
            self.table_sets,
        )
        bins = scale_bins(context.log2_scale).ravel()
        levels = np.zeros(bins.shape, dtype=np.int64)
        if choose is not None:
            levels[:] = choose(context).ravel()
        seen = None
        if io.observer is not None:
            seen = (rows * width + columns).repeat(channels)
        for level_class in LEVEL_CLASSES:
            found = np.flatnonzero(level_class.has(bins))
            if len(found):
                at = None if seen is None else seen[found]
                ids = bins[found] - level_class.first_bin
                levels[found] = self._code_class(io, level_class, ids, levels[found], at)
        if max(levels.max(), -levels.min()) > MAX_LEVEL:
            raise BitstreamError(f"level outside ±{MAX_LEVEL}")
        by_offset *= levels.reshape(by_offset.shape)
        values: npt.NDArray[np.int64] = context.mean + (
            (by_offset + (1 << (FACTOR_BITS - 1))) >> FACTOR_BITS
        )
        return values

    def _code_class(
        self,
        io: SymbolWriter | SymbolReader,
        level_class: LevelClass,
        ids: npt.NDArray[np.int64],
        levels: npt.NDArray[np.int64],
        places: npt.NDArray[np.int64] | None,
    ) -> npt.NDArray[np.int64]:
        """Levels (n,), each under the table in ``ids`` (n,): all symbols, then all escapes."""
        tables = self.table_sets[level_class.name]
        symbols = io.code(tables, ids, level_class.symbols(levels), places)
        escapes = np.zeros(len(symbols), dtype=np.int64)
        escaped = level_class.is_escape(symbols)
        if escaped.any():
            beyond = np.abs(levels[escaped]) - level_class.radius - 1
            at = None if places is None else places[escaped]
            escapes[escaped] = io.code_escapes(beyond, tables, at)
        return level_class.levels(symbols, escapes)


def _expected(one: NetworkPass, log2_step: int, canvas: ValueCanvas) -> npt.NDArray[np.int64]:
    """Means and log2 scales of the positions of a pass in sixteenths, (2, n, channels);
    log2_step: in eighths.
    """
    flags, stride = one.scan_pass.flags, one.scan_pass.stride
    difference = one.difference if has_surroundings(one.scan_pass.new) else None
    weights = one.network.for_pass(flags, log2_step)
    found = np.empty((2, len(one.rows), one.network.channels), dtype=np.int64)
    at_once = POSITIONS_AT_ONCE if difference is None else (POSITIONS_AT_ONCE + 1) // 2
    for start in range(0, len(one.rows), at_once):
        part = slice(start, start + at_once)
        at = one.rows[part], one.columns[part]
        features = canvas.features(one.visible, *at, stride)
        found[:, part] = one.network.evaluate(features, weights)
        if difference is not None:
            features = canvas.differences(one.first, difference.channels, *at, one.scan_pass)
            found[:, part] += difference.evaluate(features, difference.for_pass(flags, log2_step))
    return np.clip(found, -MEAN_LIMIT, MEAN_LIMIT)
