"""Level layers read by kernels: canvases, networks, and passes one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import BitstreamError
from ...v1.quantiser import MAX_LEVEL
from ...v1.symbol_coder import SymbolWriter
from ..context_network import CONSTANT_PLANES, INPUT_LIMIT, MEAN_LIMIT, SIZES, SliceNetwork
from ..difference_taps import earlier_taps, has_surroundings, own_taps
from ..level_contexts import LEVEL_CLASSES
from ..local_quantisers import LARGEST_OFFSET, factors, log2_factors
from ..pass_coder import LevelChooser, PassCoder
from ..scan import ScanPass
from .contexts import see_around, see_differences
from .layers import tiled
from .level_decoding import OUTSIDE, begin_inter, put_values, read_levels
from .memory import empty
from .products import LANES
from .reading import CompiledReader

Integers = npt.NDArray[np.int64]
_LARGEST = (1 << 15) - 1
_MOST = 1 << 31  # below it sums of products of 16 bits have to stay
_OFFSETS = np.arange(-LARGEST_OFFSET, LARGEST_OFFSET + 1)
_OF_OFFSETS = np.stack([factors(_OFFSETS), log2_factors(_OFFSETS)])
_CLASSES = np.array([(one.first_bin, one.radius, 0) for one in LEVEL_CLASSES])
_SIZES = SIZES.astype(np.int16)
_FLAGS = 2


def _filled(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """(inputs, outputs) with outputs up to a multiple of a vector's."""
    more = -weights.shape[1] % LANES
    return np.pad(weights, ((0, 0), (0, more))).astype(np.int16)


class CompiledNetwork:
    """The weights of a context network as kernels take them.

    order: the visible channels, or differences, in the order in which kernels see them.
    """

    def __init__(self, network: SliceNetwork, order: Sequence[int]) -> None:
        count, taps = len(order), network.taps
        seen, units = taps * count, len(network.mix)
        constant = taps * CONSTANT_PLANES

        def parts(weights: npt.NDArray[np.float64], before: int) -> tuple[Any, Any, Any]:
            one, other = weights[: before * seen], weights[before * seen + constant :]
            both = np.concatenate([one, other]).reshape(2, count, taps, -1)[:, order]
            pairs = both.transpose(2, 1, 0, 3)  # (taps, channels, 2, outputs)
            inside = weights[before * seen :][:constant].reshape(CONSTANT_PLANES, taps, -1)
            return both, pairs.reshape(2 * seen, -1), inside

        direct, direct_pairs, of_direct = parts(network.direct, 2)
        hidden, hidden_pairs, of_hidden = parts(network.gather, 1)
        pairs = (tiled(_filled(one)) for one in (direct_pairs, hidden_pairs))
        self.weights = (*pairs, np.ascontiguousarray(network.mix, dtype=np.float64))
        self.channels = network.channels
        self.by_hidden = units + -units % LANES
        self._inside = np.concatenate([of_direct, of_hidden], 2).astype(np.int64)
        biases = np.concatenate([network.direct_bias, network.gather_bias])
        self._biases = biases.astype(np.int64)[None]
        self.can_do = all(
            np.abs(parts_of).max(initial=0) <= _LARGEST
            and sum(
                limit * np.abs(one).sum((0, 1)) for limit, one in zip(limits, parts_of, strict=True)
            ).max()
            < _MOST
            for parts_of, limits in (
                (direct, (INPUT_LIMIT, SIZES[-1])),
                (hidden, (SIZES[-1], SIZES[-1])),
            )
        )
        self._constants: dict[tuple[int, ...], Integers] = {}

    def constants(self, flags: tuple[int, int, int], log2_step: int) -> Integers:
        """What taps inside the picture add in a pass, and the biases, (taps + 1, outputs)."""
        key = *flags, log2_step
        if key not in self._constants:
            by_tap = np.tensordot(np.array([*key, 1]), self._inside, 1)
            self._constants[key] = np.concatenate([by_tap, self._biases])
        return self._constants[key]


class CompiledContexts:
    """The networks of all slices of keyframes, or of inter frames.

    inter: whether they see the prediction and the flags.  differences: difference networks of the
    first slices.
    """

    def __init__(
        self,
        networks: Sequence[SliceNetwork],
        inter: bool,
        differences: Sequence[SliceNetwork] = (),
    ) -> None:
        self.channels = sum(network.channels for network in networks)
        self.inter, self.networks, self.runs, first = inter, [], [], 0
        for network in networks:
            order, own = list(range(first + network.channels)), network.channels
            runs = [(0, first + own)]
            if inter:
                flags, own_now = first + own, first + own + _FLAGS
                predicted = range(first, first + own)
                order = [flags, flags + 1, *range(first), *range(own_now, own_now + own)]
                order += predicted
                runs = [(0, _FLAGS + first + own), (_FLAGS + self.channels + first, own)]
            self.networks.append(CompiledNetwork(network, order))
            self.runs.append(np.array(runs))
            first += own
        self.differences = [
            CompiledNetwork(one, range((len(one.direct) - CONSTANT_PLANES) // 2))
            for one in differences
        ]
        self.can_do = all(one.can_do for one in [*self.networks, *self.differences])


class CompiledCanvas:
    """What ``ValueCanvas`` is, and values (C, h, w) int64, 0 where nothing is coded.

    passes: the adaptive tables, and sizes of levels.  border: positions, not less than any pass
    sees.
    """

    def __init__(
        self, contexts: CompiledContexts, passes: PassCoder, size: tuple[int, int], border: int
    ) -> None:
        self._contexts, self._passes = contexts, passes
        self._size, self._border = size, border
        self._first = _FLAGS if contexts.inter else 0
        self._channels = contexts.channels * (2 if contexts.inter else 1) + self._first
        area = (size[0] + 2 * border) * (size[1] + 2 * border)
        direct, hidden = (empty((area * self._channels * 2,), np.int16) for _ in range(2))
        self._canvas, self.values = (direct, hidden), empty((contexts.channels, *size), np.int64)
        for zeros in (direct, hidden, self.values):
            zeros.fill(0)

    def begin_inter(
        self,
        prediction: npt.NDArray[np.int32],
        coded: npt.NDArray[np.bool_],
        intra: npt.NDArray[np.bool_],
        settings: tuple[int, int, int],
    ) -> None:
        """Put flags and the prediction there; settings: positions of a block, fraction bits of a
        step, and it.
        """
        begin_inter(prediction, (coded, intra), settings, _SIZES, self._canvas)

    def read(
        self,
        io: CompiledReader,
        index: int,
        scan_pass: ScanPass,
        log2_step: int,
        places: tuple[Integers, Integers, Integers],
        *,
        surrounded: bool = False,
    ) -> None:
        """Read a pass of slice ``index``.

        log2_step: in eighths.  places (n,) each: rows, columns, offsets.  surrounded: whether
        the slice has a difference network, for passes that see what is around them.
        Raises ``BitstreamError`` for damage and levels out of range.
        """
        rows, columns, offsets = (np.require(one, np.int64, ["C", "W"]) for one in places)
        at = rows, columns
        expected, first = self._expected(index, scan_pass, log2_step, at, surrounded)
        own = expected.shape[2]
        tables = [self._passes.table_sets[one.name] for one in LEVEL_CLASSES]
        arrays = tuple(zip(*(one.arrays() for one in tables), strict=True))
        classes = _CLASSES.copy()
        classes[:, 2] = [one.increment for one in tables]
        sizes = np.ascontiguousarray(self._passes.sizes[:, first : first + own])
        bits = read_levels(
            io.source,
            arrays,
            (classes, _OF_OFFSETS, sizes),
            expected,
            (*self._canvas, _SIZES, self.values),
            self._places(first),
            (rows, columns, offsets),
        )
        if bits == OUTSIDE:
            raise BitstreamError(f"level outside ±{MAX_LEVEL}")
        io.spend(bits)

    def write(
        self,
        io: SymbolWriter,
        index: int,
        scan_pass: ScanPass,
        log2_step: int,
        places: tuple[Integers, Integers, Integers],
        choose: LevelChooser,
        *,
        surrounded: bool = False,
    ) -> None:
        """Write a pass of slice ``index``, as ``read`` does; choose: the encoder's quantiser."""
        rows, columns, offsets = (np.require(one, np.int64, ["C", "W"]) for one in places)
        expected, first = self._expected(index, scan_pass, log2_step, (rows, columns), surrounded)
        np.clip(expected, -MEAN_LIMIT, MEAN_LIMIT, out=expected)
        at = rows, columns, offsets
        values = self._passes.code_expected(io, expected, first, at, self._size[1], choose)
        canvas = *self._canvas, _SIZES, self.values
        put_values(np.ascontiguousarray(values), canvas, self._places(first), (rows, columns))

    def _places(self, first: int) -> tuple[int, int, int, int, int]:
        """Where kernels find the slice that begins with a channel."""
        pitch = self._size[1] + 2 * self._border
        return pitch, self._border, self._channels, self._first + first, first

    def _expected(
        self,
        index: int,
        scan_pass: ScanPass,
        log2_step: int,
        at: tuple[Integers, Integers],
        surrounded: bool,
    ) -> tuple[Integers, int]:
        """Means and log2 scales of a pass (2, n, channels), without their limits, and the first
        channel of its slice.
        """
        rows = at[0]
        network, runs = self._contexts.networks[index], self._contexts.runs[index]
        own, stride = network.channels, scan_pass.stride
        first = sum(one.channels for one in self._contexts.networks[:index])
        expected = np.zeros((2, len(rows), own), dtype=np.int64)
        constants = network.constants(scan_pass.flags, log2_step)
        geometry = *self._size, self._border, self._channels, stride
        within = *geometry, network.by_hidden
        see_around(self._canvas, within, at, runs, network.weights, constants, expected)
        if surrounded and has_surroundings(scan_pass.new):
            other = self._contexts.differences[index]
            constant = other.constants(scan_pass.flags, log2_step).sum(0)
            taps, seen = _taps(scan_pass), (*geometry, other.by_hidden, first)
            direct = self._canvas[0]
            see_differences(direct, seen, at, taps, other.weights, constant, expected)
        return expected, first


def _taps(scan_pass: ScanPass) -> tuple[Integers, Integers]:
    return np.array(earlier_taps()), np.array(own_taps(scan_pass.new))
