"""Certainty is switched on where variances say what the decoder shows, and stays off where they say
the opposite.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.calibration.certainty import (
    STRENGTHS,
    CertaintyChoice,
    CertaintyTrial,
    choose_certainty,
)
from videocodec.calibration.inter import ClipFrames
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.motion import MotionSearch

HEIGHT, WIDTH, FRAMES, GAIN = 96, 128, 5, 4


def amplified(latents: np.ndarray, gain: float) -> np.ndarray:
    """The left half of latents (…, w) times a gain."""
    latents = latents.copy()
    latents[..., : latents.shape[-1] // 2] *= gain
    return latents


class Runtime:
    """The linear codec with latents GAIN times as large in the left half of a picture, where errors
    show so much less.  ``variance``: of its latents there, 1 elsewhere.
    """

    def __init__(self, linear_codec, variance: float) -> None:
        self._codec, self._variance = linear_codec, variance
        self.bundle = SimpleNamespace(sensitivity=np.ones(4, np.float32))

    def encode_with_variance(
        self, pictures: np.ndarray, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray]:
        latents = amplified(self._codec.encode(pictures, height, width), GAIN)
        doubt = np.zeros_like(latents)
        doubt[..., : doubt.shape[-1] // 2] = np.log(self._variance)
        return latents, doubt

    def decode(self, latents: np.ndarray, steps: np.ndarray, height: int, width: int) -> np.ndarray:
        shown = amplified(latents[0] / UNITS_PER_LATENT, 1 / GAIN)
        cosines = np.stack([np.full(8, 8**-0.5), np.cos((np.arange(8) + 0.5) * np.pi / 8) / 2])
        luma = np.einsum(
            "uvyx,ui,vj->yixj", shown.reshape(2, 2, *shown.shape[1:]), cosines, cosines
        )
        grey = np.clip(np.rint(luma.reshape(height, width) * 127.5 + 127.5), 0, 255)
        return grey.astype(np.uint8)[None, ..., None].repeat(3, -1)


@pytest.fixture(scope="module")
def clip(linear_codec, smooth) -> ClipFrames:
    """A slow pan."""
    header = linear_codec.header(WIDTH, HEIGHT)
    search = MotionSearch.for_header(header, flow_preset=1)
    whole = smooth(HEIGHT + FRAMES, WIDTH + FRAMES, 5)
    pictures = [whole[index : index + HEIGHT, index : index + WIDTH] for index in range(FRAMES)]
    return ClipFrames(
        header,
        [
            EncoderFrame(
                amplified(linear_codec.latents(one), GAIN), search.luma(one), index, 1, one
            )
            for index, one in enumerate(pictures)
        ],
    )


@pytest.mark.parametrize(("variance", "pays"), [(16.0, True), (1 / 16, False), (1.0, False)])
def test_it_is_on_where_what_is_hardly_shown_is_unsure(
    linear_codec, clip: ClipFrames, variance: float, pays: bool
) -> None:
    told: list[str] = []
    choice = choose_certainty(
        linear_codec.tables, Runtime(linear_codec, variance), [clip], told.append
    )
    assert (choice.strength > 0) == pays
    assert [trial.strength for trial in choice.trials] == list(STRENGTHS)
    if variance == 1.0:
        assert all(trial.mean == 0 for trial in choice.trials)
    assert told == [f"certainty of the autoencoder: {choice}"]
    assert str(choice).startswith("on, strength " if pays else "off (")


class TestChoice:
    @pytest.mark.parametrize(
        ("trials", "strength"),
        [
            ([(0.5, -2.0, -1.0), (1.0, -3.0, -4.0)], 1.0),
            ([(0.5, -2.0, -1.0), (1.0, -9.0, 0.1)], 0.5),
            ([(0.5, -0.3, -0.3), (1.0, 3.0, -4.0)], 0.0),
            ([], 0.0),
        ],
    )
    def test_the_strength_that_gains_most_and_loses_by_no_measure_is_taken(
        self, trials: list[tuple[float, float, float]], strength: float
    ) -> None:
        choice = CertaintyChoice(tuple(CertaintyTrial(*trial) for trial in trials), 2)
        assert choice.strength == strength

    def test_its_owner_is_told_what_was_measured(self) -> None:
        choice = CertaintyChoice((CertaintyTrial(0.5, -2.04, 1.0),), 1)
        assert str(choice) == (
            "off (-2.0 % of bytes at equal squared error and +1.0 % at equal structure with"
            " strength 0.5; 1 clip)"
        )
