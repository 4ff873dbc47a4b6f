"""Context modelling: the networks against plain Python, exactness at the limits, and the symbols of
levels.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.v1.context_model import (
    INTER,
    INTRA,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    MEAN_LIMIT,
    RADIUS,
    LevelCanvas,
    NetworkInputs,
    SliceNetwork,
    SymbolContext,
    checkerboard,
)
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v1.tables import planes_of

from ...conformance.reference_v1.decoder import evaluate_network
from ..synthetic import SLICES, RawIntegers, synthetic_tables

PARTS = ("gather", "gather_bias", "mix", "mix_bias")


def slow_outputs(
    network: SliceNetwork, features: np.ndarray
) -> tuple[list[list[int]], list[list[int]]]:
    """Mean and scale of every position, by plain integers."""
    parts = tuple(getattr(network, part).astype(int).tolist() for part in PARTS)
    results = [
        evaluate_network(parts, network.channels, row) for row in features.astype(int).tolist()
    ]
    return [mean for mean, _ in results], [scale for _, scale in results]


def assert_as_slow(network: SliceNetwork, features: np.ndarray) -> None:
    mean, scale = network.evaluate(features.astype(np.float64))
    assert mean.dtype == scale.dtype == np.int64 and mean.shape == scale.shape == (
        len(features),
        network.channels,
    )
    assert (mean.tolist(), scale.tolist()) == slow_outputs(network, features)


def test_checkerboard() -> None:
    assert checkerboard(2, 3).tolist() == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize("kind", [INTRA, INTER])
@pytest.mark.parametrize("index", range(len(SLICES)))
def test_networks_as_written(kind: int, index: int) -> None:
    network = synthetic_tables().networks[kind][index]
    random = RawIntegers(index)
    rows = network.gather.shape[0]
    assert_as_slow(network, random.peaked(40, rows))
    assert_as_slow(network, random.around(127, 40, rows))


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_networks_are_exact_at_the_limits(sign: int) -> None:
    """64 channels in one slice, hidden width 256, all weights ±2^20 (``sign`` 0: mixed), all inputs
    ±127.
    """
    own, hidden, random = 64, 256, RawIntegers(9)
    rows = 9 * planes_of(INTER, 0, own)

    def weights(*shape: int) -> np.ndarray:
        signs = 1 - 2 * random.below(2, *shape) if sign == 0 else np.full(shape, sign)
        return ((signs << 20) - (random.below(2, *shape) if sign == 0 else 0)).astype(np.float64)

    network = SliceNetwork(
        weights(rows, hidden + 2 * own),
        weights(hidden + 2 * own),
        weights(hidden, 2 * own),
        weights(2 * own),
        own,
    )
    features = np.concatenate(
        [np.full((1, rows), 127), np.full((1, rows), -127), random.around(127, 2, rows)]
    )
    gathered = features.astype(object) @ network.gather.astype(int).astype(
        object
    ) + network.gather_bias.astype(int).astype(object)
    activation = np.clip(gathered[:, :hidden] // 32, 0, 32767)
    mixed = activation @ network.mix.astype(int).astype(object)
    assert max(abs(gathered).max(), abs(mixed).max()) < 2**52
    expected = (
        gathered[:, hidden:] + mixed // 64 + network.mix_bias.astype(int).astype(object) + 64
    ) // 128
    mean, scale = network.evaluate(features.astype(np.float64))
    assert (mean == np.clip(expected[:, :own], -MEAN_LIMIT, MEAN_LIMIT)).all()
    assert (scale == expected[:, own:]).all()


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="do not fit 2 channels"):
        SliceNetwork(np.zeros((9, 7)), np.zeros(7), np.zeros((4, 3)), np.zeros(3), 2)


@pytest.mark.parametrize(
    ("mean", "scale", "table", "base", "sign"),
    [
        (0, -64, 0, 0, 1),
        (1, -61, 0, 0, 1),  # scale + 68 = 7, still bin 0
        (2, -60, 5, 0, 1),  # mean rounds to a quarter, scale reaches bin 1
        (-2, -60, 5, 0, -1),
        (13, 0, 35, 0, 1),
        (14, 0, 32, 1, 1),
        (-16, 0, 32, 1, -1),
        (1920, 10**9, 76, 120, 1),
        (-1920, -(10**9), 0, 120, -1),
    ],
)
def test_symbol_context_by_hand(mean: int, scale: int, table: int, base: int, sign: int) -> None:
    context = SymbolContext.of(np.array([mean]), np.array([scale]))
    assert (context.table[0], context.base[0], context.sign[0]) == (table, base, sign)


def test_every_table_can_be_reached() -> None:
    mean, scale = np.meshgrid(np.arange(-MEAN_LIMIT, MEAN_LIMIT + 1), np.arange(-80, 110))
    context = SymbolContext.of(mean.ravel(), scale.ravel())
    assert np.unique(context.table).tolist() == list(range(LEVEL_TABLES))
    assert context.base.min() == 0 and context.base.max() == MEAN_LIMIT // 16


@given(
    st.lists(
        st.tuples(
            st.integers(-MEAN_LIMIT, MEAN_LIMIT),
            st.integers(-MAX_LEVEL, MAX_LEVEL) | st.integers(-200, 200),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_symbols_and_escapes_give_the_levels_back(pairs: list[tuple[int, int]]) -> None:
    mean, levels = np.array(pairs).T
    context = SymbolContext.of(mean, np.zeros_like(mean))
    symbols = context.symbols(levels)
    escapes = context.escape_values(levels, symbols)
    assert ((symbols >= 0) & (symbols < LEVEL_SYMBOLS)).all()
    assert ((escapes >= 0) & (escapes < 65535)).all() and (
        escapes[symbols < LEVEL_SYMBOLS - 2] == 0
    ).all()
    assert context.levels(symbols, escapes).tolist() == levels.tolist()


def test_symbols_at_the_edges_of_the_alphabet() -> None:
    context = SymbolContext.of(np.full(4, 80), np.zeros(4, dtype=np.int64))  # base 5
    levels = 5 + np.array([-RADIUS, RADIUS, -RADIUS - 1, RADIUS + 1])
    symbols = context.symbols(levels)
    assert symbols.tolist() == [0, 64, 65, 66]
    assert context.escape_values(levels + np.array([0, 0, -7, 9]), symbols).tolist() == [0, 0, 7, 9]


def slow_features(
    kind: int,
    first: int,
    own: int,
    second: bool,
    row: int,
    column: int,
    levels,
    coded,
    side,
    log2_step: int,
) -> list[int]:
    _channels, height, width = levels.shape
    seen = [np.clip(levels[k], -127, 127) for k in range(first + own)]
    ones = np.ones((height, width), dtype=int)
    planes = seen + [abs(plane) for plane in seen] + [ones * second, ones * log2_step, ones]
    if kind == INTER:
        planes += [coded.astype(int), *side[0, first : first + own], *side[1, first : first + own]]
    places = [(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return [
        int(plane[y, x]) if 0 <= y < height and 0 <= x < width else 0
        for plane in planes
        for y, x in places
    ]


@settings(max_examples=40)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([INTRA, INTER]),
    st.booleans(),
    st.integers(0, 1 << 30),
)
def test_features_as_written(height: int, width: int, kind: int, second: bool, seed: int) -> None:
    random = RawIntegers(seed)
    levels, coded = (
        random.around(300, 4, height, width),
        random.below(2, height, width).astype(bool),
    )
    side = random.below(16, 2, 4, height, width)
    canvas = LevelCanvas(4, height, width, -27, coded, side)
    rows, columns = (grid.ravel() for grid in np.indices((height, width)))
    canvas.store(0, rows, columns, levels[:2].reshape(2, -1).T)
    canvas.store(2, rows, columns, levels[2:].reshape(2, -1).T)
    assert canvas.levels.tolist() == np.clip(levels, -127, 127).tolist()
    first = 0
    for own in SLICES:
        features = canvas.features(NetworkInputs(kind, first, own, second, rows, columns))
        assert features.shape == (height * width, 9 * planes_of(kind, first, own))
        expected = [
            slow_features(kind, first, own, second, r, c, levels, coded, side, -27)
            for r, c in zip(rows, columns, strict=True)
        ]
        assert features.tolist() == expected
        first += own


def test_a_canvas_starts_empty() -> None:
    canvas = LevelCanvas(2, 3, 4, 0, np.ones((3, 4), dtype=bool), None)
    assert canvas.levels.shape == (2, 3, 4) and not canvas.levels.any()
