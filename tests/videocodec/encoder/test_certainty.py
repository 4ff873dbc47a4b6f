"""What errors count by an encoder network's own variances, and that it reaches what is coded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.encoder.certainty import MOST_CERTAIN, certainty, latents_with_certainty
from videocodec.encoder.frame_encoder import EncoderHelpers
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.group_encoder import GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import EncoderSettings

HEIGHT, WIDTH, FRAMES, CRF = 64, 96, 6, 22


class TestWeights:
    def test_twice_the_variance_counts_half_at_full_strength_and_less_far_below_it(self) -> None:
        variance = np.ones((2, 3, 4, 6), dtype=np.float32)
        variance[..., :3] = 2
        for strength, ratio in ((1.0, 2.0), (0.5, 2**0.5), (0.0, 1.0)):
            weights = certainty(np.log(variance), strength)
            assert (weights.shape, weights.dtype) == (variance.shape, np.float32)
            assert np.allclose(weights[..., 3:] / weights[..., :3], ratio)
            assert np.allclose(np.log(weights).mean((-3, -2, -1)), 0, atol=1e-6)

    def test_channels_and_places_are_compared_within_each_picture(self) -> None:
        variance = np.random.default_rng(0).normal(-5, 0.3, (2, 3, 8, 8))
        variance[:, 1] += 2
        weights = certainty(variance, 0.5)
        assert weights[:, 1].mean() < 0.5 * weights[:, [0, 2]].mean()
        assert np.allclose(certainty(variance[1] - 9, 0.5), weights[1], rtol=1e-5)

    def test_it_ends_at_both_sides(self) -> None:
        weights = certainty(np.random.default_rng(0).normal(0, 20, (1, 30, 30)), 1.0)
        assert (weights.min(), weights.max()) == pytest.approx((1 / MOST_CERTAIN, MOST_CERTAIN))


class Network:
    """Two channels; sure where a picture is bright, if it gives variances."""

    def __init__(self, gives: bool) -> None:
        self.gives, self.asked = gives, 0

    def encode(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        assert pictures.shape[1:3] == (height, width)
        mean = pictures[:, ::8, ::8].mean(-1)
        return np.stack([mean, mean], axis=1).astype(np.float32)

    def encode_with_variance(
        self, pictures: np.ndarray, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        self.asked += 1
        latents = self.encode(pictures, height, width)
        return latents, -latents / 50 if self.gives else None


PICTURES = np.arange(2 * 16 * 32 * 3).reshape(2, 16, 32, 3).astype(np.uint8)


def test_pictures_come_with_the_certainty_of_their_own_variances() -> None:
    network = Network(gives=True)
    found = list(latents_with_certainty(network, 0.5, PICTURES, (16, 32)))
    latents, variance = network.encode_with_variance(PICTURES, 16, 32)
    assert len(found) == 2
    for (mean, weights), one, doubt in zip(found, latents, variance, strict=True):
        assert np.array_equal(mean, one)
        assert np.allclose(weights, certainty(doubt, 0.5))


@pytest.mark.parametrize(("gives", "strength", "asked"), [(True, 0.0, 0), (False, 0.5, 1)])
def test_without_strength_or_variances_all_errors_count_alike(
    gives: bool, strength: float, asked: int
) -> None:
    network = Network(gives)
    found = list(latents_with_certainty(network, strength, PICTURES, (16, 32)))
    assert [weights for _, weights in found] == [None, None] and network.asked == asked


class TestCoding:
    @staticmethod
    def frames(linear_codec, smooth) -> tuple[list[EncoderFrame], GroupEncoder]:
        header, settings = linear_codec.header(WIDTH, HEIGHT), EncoderSettings(crf=CRF)
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        whole = smooth(HEIGHT + FRAMES, WIDTH + FRAMES, 3)
        pictures = [whole[index : index + HEIGHT, index : index + WIDTH] for index in range(FRAMES)]
        frames = [
            EncoderFrame(linear_codec.latents(one), search.luma(one), index, 1)
            for index, one in enumerate(pictures)
        ]
        helpers = EncoderHelpers(np.ones(4, np.float32))
        return frames, GroupEncoder(linear_codec.tables, header, settings, search, helpers=helpers)

    def code(self, linear_codec, smooth, weights: np.ndarray | None) -> list[AccessUnit]:
        frames, encoder = self.frames(linear_codec, smooth)
        weighted = [replace(frame, certainty=weights) for frame in frames]
        return [unit for frame in weighted for unit in encoder.push(frame)] + encoder.finish()

    def error(self, linear_codec, smooth, weights: np.ndarray | None) -> np.ndarray:
        """Squared errors of all frames, (C, h, w)."""
        frames, _ = self.frames(linear_codec, smooth)
        decoder = UnitDecoder(linear_codec.tables, 2)
        coded = [
            frame.latent.latents / UNITS_PER_LATENT
            for unit in self.code(linear_codec, smooth, weights)
            for frame in decoder.decode(unit, 1)
        ]
        return sum(np.square(a - frame.latents) for a, frame in zip(coded, frames, strict=True))

    def test_errors_move_to_where_the_network_is_unsure(self, linear_codec, smooth) -> None:
        weights = np.full((4, HEIGHT // 8, WIDTH // 8), MOST_CERTAIN, dtype=np.float32)
        weights[:, :, WIDTH // 16 :] = 1 / MOST_CERTAIN
        plain = self.error(linear_codec, smooth, None)
        weighted = self.error(linear_codec, smooth, weights)
        sure = weights > 1
        assert weighted[sure].sum() < 0.9 * plain[sure].sum()
        assert weighted[~sure].sum() > 1.1 * plain[~sure].sum()

    def test_certainty_of_one_everywhere_changes_nothing(self, linear_codec, smooth) -> None:
        ones = np.ones((4, HEIGHT // 8, WIDTH // 8), dtype=np.float32)
        plain, weighted = (
            [unit.to_bytes() for unit in self.code(linear_codec, smooth, weights)]
            for weights in (None, ones)
        )
        assert plain == weighted
