"""The quantiser: every step, and reconstruction in integers."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.v1.quantiser import (
    CRF_OFFSET,
    LATENT_LIMIT,
    MAX_LEVEL,
    QUANTISER_COUNT,
    clamp_latents,
    dequantise,
    log2_step_eighths,
    step_fixed,
    step_latent,
)


@pytest.mark.parametrize(
    ("quantiser", "step"),
    [
        (0, 1625),
        (1, 1722),
        (4, 2048),
        (11, 3069),
        (12, 3250),
        (16, 4096),
        (40, 16384),
        (63, 61856),
        (127, 2493440),
    ],
)
def test_steps(quantiser: int, step: int) -> None:
    assert step_fixed(quantiser) == step


def test_all_steps_by_checksum() -> None:
    steps = np.array([step_fixed(quantiser) for quantiser in range(QUANTISER_COUNT)], dtype="<u4")
    assert zlib.crc32(steps.tobytes()) == 0xB443B8B0
    assert all(
        2 * low == high for low, high in zip(steps[:-12].tolist(), steps[12:].tolist(), strict=True)
    )


@pytest.mark.parametrize("quantiser", [-1, 128])
def test_no_step_outside_the_range(quantiser: int) -> None:
    with pytest.raises(ValueError, match=f"quantiser must be 0..127, got {quantiser}"):
        step_fixed(quantiser)


def test_crf_0_is_a_quarter_of_a_scaled_latent() -> None:
    assert step_latent(CRF_OFFSET) == 0.25
    assert step_latent(CRF_OFFSET + 24) == 1.0


def test_log2_of_the_step_in_eighths() -> None:
    values = [log2_step_eighths(quantiser) for quantiser in range(QUANTISER_COUNT)]
    assert [values[q] for q in (0, 16, 39, 40, 41, 42, 52, 127)] == [-27, -16, -1, 0, 0, 1, 8, 58]
    assert zlib.crc32(np.array(values, dtype="<i2").tobytes()) == 0x32773075


def test_reconstruction_rounds_half_up() -> None:
    # one level is 1625 / 256 = 6.35 units
    assert dequantise(np.array([-2, -1, 0, 1, 2]), 0).tolist() == [-13, -6, 0, 6, 13]
    # step 1722: 64 levels are 430.5 units, and so are -64
    assert dequantise(np.array([-64, 64]), 1).tolist() == [-430, 431]


@given(
    st.lists(st.integers(-MAX_LEVEL, MAX_LEVEL), max_size=20), st.integers(0, QUANTISER_COUNT - 1)
)
def test_reconstruction_is_exact(levels: list[int], quantiser: int) -> None:
    values = dequantise(np.array(levels, dtype=np.int64), quantiser)
    assert values.dtype == np.int64
    assert values.tolist() == [(level * step_fixed(quantiser) + 128) // 256 for level in levels]


def test_latents_are_clamped_to_16_bits() -> None:
    clamped = clamp_latents(np.array([-(1 << 40), -LATENT_LIMIT - 1, -5, LATENT_LIMIT, 1 << 40]))
    assert clamped.dtype == np.int32
    assert clamped.tolist() == [-32767, -32767, -5, 32767, 32767]
