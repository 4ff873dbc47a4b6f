"""Rate-distortion quantisation: never dearer than rounding, by its own measure, and cheaper on the
whole.
"""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.frame_coder import FrameCoder
from bitstream.v1.level_syntax import PassContext
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.v1.symbol_coder import SymbolWriter
from videocodec.encoder.quantisation import RateDistortionQuantiser

QUANTISER = 40


def target(seed: int = 0) -> np.ndarray:
    """(4, 8, 12) levels as they would be without rounding, many of them small."""
    return np.random.default_rng(seed).laplace(0, 0.9, (4, 8, 12))


class Recording(RateDistortionQuantiser):
    """Keeps cost and choice of every pass beside that of rounding."""

    def __init__(self, wanted: np.ndarray, lagrangian: float) -> None:
        super().__init__(wanted, lagrangian)
        self.wanted, self.weight, self.excess = wanted, lagrangian, []

    def __call__(self, part: PassContext) -> np.ndarray:
        chosen = super().__call__(part)
        plain = self.wanted[
            part.first : part.first + part.channels, part.rows, part.columns
        ].T.ravel()
        costs = [
            (plain - levels) ** 2 + self.weight * part.bits(levels)
            for levels in (chosen.ravel(), np.rint(plain).astype(np.int64))
        ]
        self.excess.append(costs[0] - costs[1])
        return chosen


def code(linear_codec, wanted: np.ndarray, lagrangian: float) -> tuple[float, float, Recording]:
    """Squared error in steps, bits, and the quantiser used."""
    writer, choose = SymbolWriter(), Recording(wanted, lagrangian)
    frame = FrameCoder(linear_codec.tables, *wanted.shape[1:], 2).code_keyframe(
        writer, QUANTISER, choose
    )
    levels = frame.latents / UNITS_PER_LATENT / step_latent(QUANTISER)
    return float(((levels - wanted) ** 2).sum()), writer.bits, choose


def test_every_choice_costs_at_most_what_rounding_costs(linear_codec) -> None:
    _, _, choose = code(linear_codec, target(), 0.1)
    excess = np.concatenate(choose.excess)
    assert excess.max() <= 1e-9
    assert excess.min() < 0


@pytest.mark.parametrize("lagrangian", [0.05, 0.1, 0.2])
def test_the_cost_of_the_whole_frame_falls(linear_codec, lagrangian: float) -> None:
    rounding, optimised = (
        code(linear_codec, target(), 0.0),
        code(linear_codec, target(), lagrangian),
    )
    assert optimised[0] + lagrangian * optimised[1] < rounding[0] + lagrangian * rounding[1]
    assert optimised[1] < rounding[1]


def test_a_dearer_bit_buys_fewer_of_them(linear_codec) -> None:
    bits = [code(linear_codec, target(), lagrangian)[1] for lagrangian in (0.0, 0.05, 0.2, 0.8)]
    assert bits == sorted(bits, reverse=True)


def test_without_a_price_it_rounds(linear_codec) -> None:
    wanted = target()
    error, _, _ = code(linear_codec, wanted, 0.0)
    assert error == pytest.approx(((np.rint(wanted) - wanted) ** 2).sum(), rel=0.05)


@pytest.mark.parametrize("where", ["channel", "place", "sample"])
def test_where_errors_count_more_they_become_smaller(linear_codec, where: str) -> None:
    wanted = target()
    weights, places = np.ones(4, dtype=np.float32), np.ones((8, 12), dtype=np.float32)
    chosen = np.zeros(wanted.shape, dtype=bool)
    samples = None
    if where == "channel":
        weights[2], chosen[2] = 8, True
    elif where == "sample":
        chosen[2, :, ::2], chosen[0, :, 1::2] = True, True
        samples = np.where(chosen, 8, 1)
    else:
        places[3:6, 4:8], chosen[:, 3:6, 4:8] = 8, True

    def error(*arguments: np.ndarray | None) -> float:
        choose = RateDistortionQuantiser(wanted, 0.2, *arguments)
        frame = FrameCoder(linear_codec.tables, 8, 12, 2).code_keyframe(
            SymbolWriter(), QUANTISER, choose
        )
        return float(
            np.square(frame.latents / UNITS_PER_LATENT / step_latent(QUANTISER) - wanted)[
                chosen
            ].sum()
        )

    assert error(weights, places, samples) < 0.95 * error()
