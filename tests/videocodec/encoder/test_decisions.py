"""Decisions per block: the mode that is cheapest by distortion and rate, and vectors that pay for
themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bitstream.group_structure import FrameReference
from bitstream.v1.block_context import BlockContext, CodedBlocks
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.frame_coder import predict_frame
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.encoder.candidates import MotionSource
from videocodec.encoder.decisions import BlockDecider
from videocodec.encoder.generation import BlockScene, UnpredictedTexture
from videocodec.encoder.settings import BlockTools

QUANTISER = 40
BLOCK = 2
ZERO = np.zeros((4, 6, 2), np.int64)
KEYFRAME = CodedBlocks.keyframe(4, 6)
BEFORE = BlockContext({0: KEYFRAME}, FrameReference(0, 0, None))
BETWEEN = BlockContext(
    {0: KEYFRAME, 2: CodedBlocks(KEYFRAME.fields, (-2,), np.zeros((1, 4, 6, 2), np.int64))},
    FrameReference(0, 0, 2),
)


def reference_of(latents: np.ndarray) -> ReferenceFrame:
    return ReferenceFrame(np.rint(latents * UNITS_PER_LATENT).astype(np.int32))


@pytest.fixture
def decider(linear_codec) -> BlockDecider:
    return BlockDecider(linear_codec.tables, BLOCK, lagrangian=0.1)


@pytest.fixture
def scene(smooth: Callable[..., np.ndarray]) -> np.ndarray:
    """A smooth picture with room to move a 64×96 window in."""
    return smooth(128, 160, 7)


def window(scene: np.ndarray, dy: int = 0, dx: int = 0) -> np.ndarray:
    return scene[32 + dy : 96 + dy, 32 + dx : 128 + dx]


def test_a_frame_like_its_reference_is_all_skip_without_motion(
    linear_codec, decider: BlockDecider, scene: np.ndarray
) -> None:
    latents = linear_codec.latents(window(scene))
    decision = decider.decide(
        latents, [MotionSource(reference_of(latents), [ZERO + 3])], BEFORE, QUANTISER
    )
    assert np.all(decision.fields.modes == Mode.SKIP)
    assert not decision.fields.vectors.any()


@pytest.mark.parametrize("step", [(0, 3), (5, -2), (8, 8)])
def test_a_pan_among_the_candidates_is_taken_and_needs_no_levels(
    linear_codec, decider: BlockDecider, scene: np.ndarray, step: tuple[int, int]
) -> None:
    before, now = (
        linear_codec.latents(picture) for picture in (window(scene), window(scene, *step))
    )
    decision = decider.decide(
        now, [MotionSource(reference_of(before), [ZERO + step])], BEFORE, QUANTISER
    )
    inside = decision.fields.vectors[0, 1:-1, 1:-1]
    assert np.mean((inside == step).all(-1)) >= 0.9
    assert np.mean(decision.fields.modes[1:-1, 1:-1] == Mode.SKIP) >= 0.9


def test_a_new_object_is_coded_where_it_is_and_nowhere_else(
    linear_codec, decider: BlockDecider, scene: np.ndarray
) -> None:
    before = window(scene).copy()
    now = before.copy()
    now[16:48, 32:64] = 255 - now[16:48, 32:64][::-1]
    decision = decider.decide(
        linear_codec.latents(now),
        [MotionSource(reference_of(linear_codec.latents(before)), [])],
        BEFORE,
        QUANTISER,
    )
    coded = decision.fields.coded
    assert coded[1:3, 2:4].mean() >= 0.75
    assert coded.sum() == coded[1:3, 2:4].sum()


def test_where_prediction_only_hurts_a_block_is_coded_alone(
    linear_codec, decider: BlockDecider
) -> None:
    rng = np.random.default_rng(0)
    noise = rng.laplace(0, 12, (4, 8, 12))
    flat = np.zeros((4, 8, 12), np.float32)
    decision = decider.decide(flat, [MotionSource(reference_of(noise), [])], BEFORE, QUANTISER)
    assert np.all(decision.fields.modes == Mode.INTRA)
    assert not decision.fields.vectors.any()


def test_a_vector_has_to_pay_for_its_bits(linear_codec, scene: np.ndarray) -> None:
    """When bits are dear, motion that hardly improves a frame is not sent."""
    latents = linear_codec.latents(window(scene))
    nearly = latents + np.random.default_rng(0).normal(0, 0.02, latents.shape)
    candidates = [ZERO + np.random.default_rng(1).integers(-1, 2, ZERO.shape)]
    fields = (
        BlockDecider(linear_codec.tables, BLOCK, lagrangian=100.0)
        .decide(nearly, [MotionSource(reference_of(latents), candidates)], BEFORE, QUANTISER)
        .fields
    )
    assert not fields.vectors.any()


def test_generation_is_only_chosen_when_restoration_would_gain_from_it(
    linear_codec, scene: np.ndarray
) -> None:
    before, now = (
        linear_codec.latents(window(scene)),
        linear_codec.latents(window(scene)[::-1, ::-1]),
    )
    modes = [
        BlockDecider(linear_codec.tables, BLOCK, 0.1, generate=UnpredictedTexture(gain))
        .decide(now, [MotionSource(reference_of(before), [])], BEFORE, QUANTISER)
        .fields.modes
        for gain in (1.0, 0.01)
    ]
    assert not np.any(modes[0] == Mode.GENERATE)
    assert np.any(modes[1] == Mode.GENERATE)


def test_another_chooser_can_take_its_place(linear_codec, scene: np.ndarray) -> None:
    latents, seen = linear_codec.latents(window(scene)), []

    def first_row(scene: BlockScene) -> np.ndarray:
        seen.append(scene)
        return np.arange(4)[:, None] + np.zeros((1, 6)) == 0

    decider = BlockDecider(linear_codec.tables, BLOCK, 0.1, generate=first_row)
    fields = decider.decide(
        latents, [MotionSource(reference_of(latents), [])], BEFORE, QUANTISER
    ).fields
    assert np.all(fields.modes[0] == Mode.GENERATE) and np.all(fields.modes[1:] == Mode.SKIP)
    assert seen[0].cost.shape == (4, 6) and seen[0].target.shape == latents.shape


def test_still_blocks_are_merged_and_moving_ones_are_not(
    linear_codec, decider: BlockDecider, scene: np.ndarray
) -> None:
    """A small object that moves over a still background takes the units it is in apart, and no
    others.
    """
    before, now = window(scene).copy(), window(scene).copy()
    before[0:16, 0:16] = now[0:16, 5:21] = scene[100:116, 100:116][::-1]
    flow = ZERO.copy()
    flow[0, 0] = flow[0, 1] = (0, -5)
    fields = decider.decide(
        linear_codec.latents(now),
        [MotionSource(reference_of(linear_codec.latents(before)), [flow])],
        BEFORE,
        QUANTISER,
    ).fields
    assert np.all(fields.sides[:, 4:] == 4)
    assert np.all(fields.sides[:2, :2] == 1)
    alone = BlockDecider(linear_codec.tables, BLOCK, 0.1, BlockTools(merged_blocks=False))
    assert np.all(
        alone.decide(
            linear_codec.latents(now),
            [MotionSource(reference_of(linear_codec.latents(before)), [flow])],
            BEFORE,
            QUANTISER,
        ).fields.sides
        == 1
    )


def test_refinement_finds_vectors_the_search_missed(linear_codec, scene: np.ndarray) -> None:
    before, now = (
        linear_codec.latents(picture) for picture in (window(scene), window(scene, 2, 3))
    )
    found = []
    for refinements in (0, 3):
        decider = BlockDecider(linear_codec.tables, BLOCK, 0.1, BlockTools(refinements=refinements))
        fields = decider.decide(
            now, [MotionSource(reference_of(before), [ZERO + (1, 2)])], BEFORE, QUANTISER
        ).fields
        found.append(np.mean((fields.vectors[0, 1:-1, 1:-1] == (2, 3)).all(-1)))
    assert found[0] == 0 and found[1] > 0.8


def test_the_prediction_handed_out_is_the_one_the_decoder_will_make(
    linear_codec, decider: BlockDecider, scene: np.ndarray
) -> None:
    before, now = (
        linear_codec.latents(picture) for picture in (window(scene), window(scene, 2, 3))
    )
    reference = reference_of(before)
    moved = CodedBlocks(KEYFRAME.fields, (-1,), np.ones((1, 4, 6, 2), np.int64))
    moved_before = BlockContext({0: moved}, FrameReference(0, 0, None))
    decision = decider.decide(
        now, [MotionSource(reference, [ZERO + (2, 3), ZERO + (1, -9)])], moved_before, QUANTISER
    )
    predicted = predict_frame(linear_codec.tables, decision.fields, (reference,), BLOCK)
    where = (decision.fields.modes != Mode.INTRA).repeat(BLOCK, 0).repeat(BLOCK, 1)
    assert np.array_equal(predicted[:, where], decision.prediction[:, where])


class TestTwoReferences:
    """A frame between two others takes from each what it has."""

    def test_a_block_only_the_future_knows_comes_from_there(
        self, linear_codec, decider: BlockDecider, scene: np.ndarray
    ) -> None:
        past = window(scene).copy()
        now = past.copy()
        now[16:48, 32:64] = 255 - now[16:48, 32:64][::-1]
        old, new = linear_codec.latents(past), linear_codec.latents(now)
        decision = decider.decide(
            new,
            [MotionSource(reference_of(old), []), MotionSource(reference_of(new), [])],
            BETWEEN,
            QUANTISER,
        )
        assert np.all(decision.fields.directions[1:3, 2:4] == Direction.FUTURE)
        assert not decision.fields.coded.any()

    def test_halfway_through_a_fade_the_average_is_best(
        self, linear_codec, decider: BlockDecider, smooth: Callable[..., np.ndarray]
    ) -> None:
        a, b = (linear_codec.latents(smooth(64, 96, seed)) for seed in (21, 22))
        decision = decider.decide(
            (a + b) / 2,
            [MotionSource(reference_of(a), []), MotionSource(reference_of(b), [])],
            BETWEEN,
            QUANTISER,
        )
        assert np.mean(decision.fields.directions == Direction.AVERAGE) >= 0.8
        assert np.mean(decision.fields.modes == Mode.SKIP) >= 0.8

    def test_the_prediction_is_the_decoders_and_unused_vectors_are_zero(
        self, linear_codec, decider: BlockDecider, scene: np.ndarray
    ) -> None:
        frames = [
            linear_codec.latents(window(scene, dy, dx)) for dy, dx in ((0, 0), (1, 2), (2, 4))
        ]
        past, future = reference_of(frames[0]), reference_of(frames[2])
        decision = decider.decide(
            frames[1],
            [MotionSource(past, [ZERO + (1, 2)]), MotionSource(future, [ZERO - (1, 2)])],
            BETWEEN,
            QUANTISER,
        )
        fields = decision.fields
        predicted = predict_frame(linear_codec.tables, fields, (past, future), BLOCK)
        where = (fields.modes != Mode.INTRA).repeat(BLOCK, 0).repeat(BLOCK, 1)
        assert np.array_equal(predicted[:, where], decision.prediction[:, where])
        assert not fields.vectors[0][fields.directions == Direction.FUTURE].any()
        assert not fields.vectors[1][fields.directions == Direction.PAST].any()
