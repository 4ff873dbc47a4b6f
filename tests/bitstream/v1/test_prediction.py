"""Motion compensation: against plain Python, at the edges of the frame, and exact at the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.v1.prediction import VECTOR_LIMIT, ReferenceFrame, average
from bitstream.v1.tables import FILTER_TAPS, PHASES, CodecTables

from ...conformance.reference_v1.decoder import predict
from ..synthetic import CHANNELS, RawIntegers, synthetic_tables


@pytest.fixture(scope="module")
def tables() -> CodecTables:
    return synthetic_tables()


@settings(max_examples=60)
@given(
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from([7, 60, VECTOR_LIMIT]),
    st.sampled_from([900, 32767]),
    st.integers(0, 1 << 30),
)
def test_prediction_as_written(
    height: int, width: int, reach: int, magnitude: int, seed: int
) -> None:
    tables = synthetic_tables()
    slow_filters = tables.phase_filters.astype(int)
    random = RawIntegers(seed)
    latents = random.around(magnitude, CHANNELS, height, width)
    rows, columns = random.below(height, 12), random.below(width, 12)
    vectors = random.around(reach, 12, 2)
    got = ReferenceFrame(latents.astype(np.int32)).predict(
        tables.phase_filters, rows, columns, vectors
    )
    assert got.dtype == np.int32 and got.shape == (12, CHANNELS)
    as_lists = latents.tolist()
    places = zip(rows.tolist(), columns.tolist(), vectors.tolist(), strict=True)
    expected = [predict(slow_filters, as_lists, r, c, (dy, dx)) for r, c, (dy, dx) in places]
    assert got.tolist() == [[int(value) for value in row] for row in expected]


def test_every_phase_as_written(tables: CodecTables) -> None:
    random = RawIntegers(3)
    latents = random.around(2000, CHANNELS, 6, 9)
    vectors = np.array([(dy, dx) for dy in range(-8, 8) for dx in range(-8, 8)])
    rows, columns = random.below(6, len(vectors)), random.below(9, len(vectors))
    got = ReferenceFrame(latents.astype(np.int32)).predict(
        tables.phase_filters, rows, columns, vectors
    )
    filters, as_lists = tables.phase_filters.astype(int), latents.tolist()
    for r, c, vector, values in zip(
        rows.tolist(), columns.tolist(), vectors.tolist(), got.tolist(), strict=True
    ):
        assert values == predict(filters, as_lists, r, c, tuple(vector))


@pytest.mark.parametrize("vector", [(0, 0), (8, -16), (-512, 512), (512, 504)])
def test_whole_latents_are_copied_and_edges_repeated(vector: tuple[int, int]) -> None:
    latents = np.arange(2 * 3 * 4, dtype=np.int32).reshape(2, 3, 4)
    filters = np.full((PHASES, PHASES, 50, 2), np.nan)  # no filter is looked at
    rows, columns = (grid.ravel() for grid in np.indices((3, 4)))
    got = ReferenceFrame(latents).predict(filters, rows, columns, np.tile(vector, (12, 1)))
    dy, dx = vector[0] // 8, vector[1] // 8
    assert (latents[:, np.clip(rows + dy, 0, 2), np.clip(columns + dx, 0, 3)] == got.T).all()


@pytest.mark.parametrize(
    ("total", "expected"), [(4095, 0), (4096, 1), (-4096, 0), (-4097, -1), (12287, 1), (12288, 2)]
)
def test_sums_round_half_up(total: int, expected: int) -> None:
    filters = np.zeros((PHASES, PHASES, FILTER_TAPS**2, 1))
    filters[0, 1, 12, 0] = total
    got = ReferenceFrame(np.ones((1, 1, 1), dtype=np.int32)).predict(
        filters, np.array([0]), np.array([0]), np.array([[0, 1]])
    )
    assert got.tolist() == [[expected]]


@pytest.mark.parametrize("same_sign", [True, False])
def test_products_are_exact_at_the_limits(same_sign: bool) -> None:
    """64 channels, all latents and all weights as large as they can be; the sums before rounding
    are compared through clamping.
    """
    channels, positions, random = 64, 64, RawIntegers(11)
    rows = FILTER_TAPS**2 * channels
    if same_sign:
        latents, weights = np.full((channels, 8, 8), -32767), np.full((rows, channels), -32768)
    else:
        # Signs cancel in pairs of taps except for a small rest, so that no sum is clamped and a
        # lost unit would show.
        latents = 32767 - random.below(3, channels, 8, 8)
        weights = (32760 + random.below(8, rows, channels)) * np.where(np.arange(rows) % 2, 1, -1)[
            :, None
        ]
    filters = np.zeros((PHASES, PHASES, rows, channels))
    filters[3, 5] = weights
    where = tuple(grid.ravel() for grid in np.indices((8, 8)))
    got = ReferenceFrame(latents.astype(np.int32)).predict(
        filters, *where, np.tile((3, 5), (positions, 1))
    )
    tap_rows = np.clip(where[0][:, None] + np.repeat(np.arange(-2, 3), 5), 0, 7)
    tap_columns = np.clip(where[1][:, None] + np.tile(np.arange(-2, 3), 5), 0, 7)
    taps = latents[:, tap_rows, tap_columns].transpose(1, 2, 0).reshape(positions, rows)
    sums = taps.astype(np.int64) @ weights.astype(np.int64)
    assert abs(sums).max() < 1 << 41
    expected = np.clip((sums + 4096) >> 13, -32767, 32767)
    assert (got == expected).all()
    assert same_sign == (expected == 32767).all()


def test_average_rounds_half_up() -> None:
    a, b = np.array([0, 0, -1, -2, 32767, -32767, 5]), np.array([0, 1, 0, -1, 32767, -32767, -6])
    got = average(a.astype(np.int32), b.astype(np.int32))
    assert got.dtype == np.int32 and got.tolist() == [0, 1, 0, -1, 32767, -32767, 0]
