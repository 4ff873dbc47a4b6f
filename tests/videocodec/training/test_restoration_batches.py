"""What training of the temporal UNet draws from coded clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from videocodec.training import restoration_batches as batching


def test_training_and_validation_share_no_scene() -> None:
    def stream(name: str):
        return batching.Stream(name, *[np.zeros((2, 1, 1, 1))] * 7)

    names = [
        f"clip-{place}_{i} crf{crf}" for place in "abcdefgh" for i in range(3) for crf in (20, 40)
    ] + ["camera-0001 crf20"]
    use, reserved = batching.held_out([stream(name) for name in names])
    assert len(use) + len(reserved) == len(names)
    assert {s.name[:6] for s in reserved} == {"clip-d"}
    assert "clip-d" not in {s.name[:6] for s in use}


def test_scenes_to_validate_with_can_be_named() -> None:
    names = [
        "clip-a_1 crf20",
        "clip-b_1 crf20",
        "camera-0005 crf20",
        "camera-0015 crf30",
        "camera-0015 crf40",
        "camera-0016 crf20",
    ]
    use, reserved = batching.held_out(
        [batching.Stream(name, *[np.zeros((2, 1, 1, 1))] * 7) for name in names], "camera-..1[0-5]"
    )
    assert [s.name for s in reserved] == names[3:5]
    assert [s.name for s in use] == [*names[:3], names[5]]


def test_only_true_edges_of_a_picture_are_judged() -> None:
    shape = (2, 16, 16, 24)
    stream = batching.Stream(
        "clip-a crf40",
        np.zeros((2, 128, 192, 3), np.uint8),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros((2, 2, *shape[1:])),
        np.ones((2, 16, 24)),
        np.full(2, 100),
        np.zeros(2, bool),
    )
    margin = 8 * batching.MARGIN
    corner, cut_all_round = (
        batching.collate([batching.Cut(stream, 0, y, x, 8, 8)], 1.0).judged
        for y, x in ((0, 16), (4, 8))
    )
    assert corner[:, :, : 64 - margin, margin:].all() and corner.sum() == 2 * (64 - margin) ** 2
    assert (
        cut_all_round[..., margin:-margin, margin:-margin].all()
        and cut_all_round.sum() == 2 * (64 - 2 * margin) ** 2
    )


def test_a_scene_filmed_often_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (3, 16, 16, 16)
    rest = [
        np.zeros((3, 128, 128, 3), np.uint8),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros((3, 2, *shape[1:])),
        np.ones((3, 16, 16)),
        np.full(3, 100),
        np.zeros(3, bool),
    ]
    streams = [
        batching.Stream(name, *rest)
        for name in ("clip-a_1 crf20", "clip-a_2 crf20", "clip-a_3 crf20", "clip-b_1 crf20")
    ]
    drawn: list[str] = []
    real = batching.collate
    monkeypatch.setattr(
        batching,
        "collate",
        lambda cuts, deviation: (
            drawn.extend(cut.stream.name for cut in cuts) or real(cuts, deviation)
        ),
    )
    rng = np.random.default_rng(0)
    for _ in range(40):
        batching.training_batch(streams, 4, 8, 1.0, rng)
    assert 0.4 < np.mean([name.startswith("clip-b") for name in drawn]) < 0.6


def test_the_sampling_grid_follows_the_motion(texture: Callable) -> None:
    wide = texture(128, 160, 3)
    first, second = (np.ascontiguousarray(wide[:, x : x + 128]) for x in (0, 6))
    grid = batching.sampling_grid(first, second)
    shift = (grid[32:96, 32:96, 0] + 1) / 2 * 127 - np.arange(32, 96)
    assert np.median(shift) == pytest.approx(6, abs=0.5)
    assert np.median(
        (grid[32:96, 32:96, 1] + 1) / 2 * 127 - np.arange(32, 96)[:, None]
    ) == pytest.approx(0, abs=0.5)


def test_marked_blocks_hold_a_neighbours_content() -> None:
    rng = np.random.default_rng(1)
    shape = (3, 16, 16, 16)
    stream = batching.Stream(
        "clip-a crf40",
        np.zeros((3, 128, 128, 3), np.uint8),
        np.zeros(shape, np.float16),
        np.full(shape, 64, np.int16),
        np.stack([np.full(shape, 128, np.int16), np.full(shape, 256, np.int16)], 1),
        np.ones((3, 16, 16), np.float32),
        np.full(3, 100),
        np.array([True, False, False]),
    )
    found = set()
    for _ in range(12):
        batch = batching.training_batch([stream], 2, 16, 1.0, rng)
        mask = batch.generate.bool()
        assert (batch.latents.permute(0, 2, 3, 1)[~mask] == 1).all()
        found |= set(batch.latents.permute(0, 2, 3, 1)[mask].unique().tolist())
    assert found == {2.0, 3.0, 4.0}


def test_blocks_that_the_encoder_left_out_stay_as_they_are() -> None:
    shape, made_up = (3, 16, 16, 16), np.zeros((3, 16, 16), bool)
    made_up[1:, 4:8] = True
    stream = batching.Stream(
        "clip-a-made crf40",
        np.zeros((3, 128, 128, 3), np.uint8),
        np.zeros(shape, np.float16),
        np.full(shape, 64, np.int16),
        np.full((3, 2, *shape[1:]), 128, np.int16),
        np.ones((3, 16, 16), np.float32),
        np.full(3, 100),
        np.array([True, False, False]),
        made_up,
    )
    rng = np.random.default_rng(1)
    for _ in range(6):
        batch = batching.training_batch([stream], 2, 16, 1.0, rng)
        marked = batch.generate.flatten(1).any(1)
        assert (batch.latents == 1).all()
        assert (batch.generate[marked].bool().numpy() == made_up[1]).all()
        assert marked.sum() >= 2
    assert batching.scene("clip-a_1-made crf40") == batching.scene("clip-a_2 crf20")


def test_marks_go_from_a_block_to_most_of_a_cut_out() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        mask = np.zeros((20, 20))
        for y, x, size in batching.blocks_to_mark(20, rng):
            assert not mask[y : y + size, x : x + size].any()
            mask[y : y + size, x : x + size] = 1
        shares.append(mask.mean())
    assert 0 < min(shares) < 0.05
    assert 0.5 < max(shares) < 0.7
