"""Coding a chunk: frames are read as they are needed, and a chunk is the same whoever codes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import MAX_FRAMES
from videocodec.encoder.chunk_coder import (
    ChunkCoder,
    ChunkTask,
    CodedChunk,
    CodingPlan,
)
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.pace import Budget
from videocodec.encoder.settings import EncoderSettings

from .chunk_scenes import HEIGHT, WIDTH, Source, part, scene


class TestStreaming:
    def test_frames_are_read_only_a_little_ahead_of_the_units(self, linear_codec, smooth) -> None:
        """Memory must not grow with the clip: what is read ahead is bounded by pixels and the size
        of a group.
        """
        picture = smooth(288, 512, 1)
        source = Source(picture for _ in range(80))
        given = 0

        def told(unit: object) -> None:
            nonlocal given
            given += len(unit.durations)
            assert source.taken - given <= 2 * MAX_FRAMES

        task = ChunkTask(Chunk(0, 0, 80, True), (CodingPlan(EncoderSettings(preset="ultrafast")),))
        ChunkCoder(linear_codec, linear_codec.header(512, 288)).code(
            task, lambda chunk: source, told
        )
        assert given == 80

    @pytest.mark.parametrize(("memory", "reads"), [(1 << 30, 1), (1000, 2), (0, 2)])
    def test_latents_are_remembered_only_within_the_memory_allowed(
        self, linear_codec, smooth, memory: int, reads: int
    ) -> None:
        sources = [Source(scene(smooth, 30, 20)) for _ in range(2)]
        unread = iter(sources)
        coder = ChunkCoder(linear_codec, linear_codec.header(WIDTH, HEIGHT), memory)
        task = ChunkTask(Chunk(0, 0, 20, True), (CodingPlan(EncoderSettings()),))
        first, second = (coder.code(task, lambda chunk: next(unread)) for _ in range(2))
        assert first == second
        assert [source.taken for source in sources] == [20, 20 * (reads - 1)]


class TestPurity:
    @pytest.fixture
    def code(self, linear_codec, smooth) -> Callable[..., CodedChunk]:
        """code(chunk, plan, coder) → a chunk of one certain video."""
        frames = list(Source(scene(smooth, 31, 20, (1, 1)) + scene(smooth, 32, 20, (0, 2))))

        def code(chunk: Chunk, plan: CodingPlan, coder: ChunkCoder | None = None) -> CodedChunk:
            coder = coder or ChunkCoder(linear_codec, linear_codec.header(WIDTH, HEIGHT))
            (coded,) = coder.code(ChunkTask(chunk, (plan,)), lambda chunk: part(frames, chunk))
            return coded

        return code

    def test_a_chunk_does_not_depend_on_what_was_coded_before(self, linear_codec, code) -> None:
        plan, used = (
            CodingPlan(EncoderSettings()),
            ChunkCoder(linear_codec, linear_codec.header(WIDTH, HEIGHT), 1 << 30),
        )
        alone = [code(Chunk(index, 20 * index, 20, False), plan) for index in range(2)]
        for index in (0, 1, 0, 1):
            assert code(Chunk(index, 20 * index, 20, False), plan, used) == alone[index]
        assert alone[0].data != alone[1].data

    def test_several_plans_at_once_give_what_each_gives_alone(self, linear_codec, smooth) -> None:
        frames = list(Source(scene(smooth, 33, 18, (1, 2))))
        coder = ChunkCoder(linear_codec, linear_codec.header(WIDTH, HEIGHT))
        chunk = Chunk(0, 0, 18, True)
        plans = tuple(
            CodingPlan(EncoderSettings(crf=crf, preset=preset))
            for crf, preset in ((20, "fast"), (44, "ultrafast"))
        )
        together = coder.code(ChunkTask(chunk, plans), lambda chunk: frames)
        assert together == tuple(
            coder.code(ChunkTask(chunk, (plan,)), lambda chunk: frames)[0] for plan in plans
        )
        assert len(together[0].data) > len(together[1].data)

    def test_what_is_only_weighed_weighs_the_same(self, code) -> None:
        chunk, plan = Chunk(0, 0, 20, True), CodingPlan(EncoderSettings())
        weighed, kept = code(chunk, replace(plan, keep=False)), code(chunk, plan)
        assert weighed.units == kept.units and weighed.data == b""
        assert [len(data) for data in kept.access_units()] == [unit.size for unit in kept.units]

    def test_pictures_are_batched_from_the_first_frame_of_the_chunk(
        self, linear_codec, smooth, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch across a border would make latents depend, in their last bits, on how the work is
        shared.
        """
        monkeypatch.setattr("videocodec.encoder.prepared_frames.BATCH_PIXELS", 4 * WIDTH * HEIGHT)
        batches: list[int] = []

        def encode(pictures: np.ndarray, height: int, width: int) -> np.ndarray:
            batches.append(len(pictures))
            return linear_codec.encode(pictures, height, width)

        frames = list(Source(scene(smooth, 34, 16)))
        coder = ChunkCoder(
            SimpleNamespace(bundle=linear_codec.bundle, encode=encode),
            linear_codec.header(WIDTH, HEIGHT),
        )
        for chunk in (Chunk(0, 0, 6, False), Chunk(1, 6, 10, True)):
            coder.code(
                ChunkTask(chunk, (CodingPlan(EncoderSettings()),)),
                lambda chunk: part(frames, chunk),
            )
        assert batches == [4, 2, 4, 4, 2]

    @pytest.mark.parametrize(
        ("strength", "variances", "asked", "same"),
        [(0.0, True, 0, True), (0.5, False, 5, True), (0.5, True, 5, False)],
    )
    def test_errors_count_by_variances_where_the_bundle_says_so(
        self, linear_codec, smooth, strength: float, variances: bool, asked: int, same: bool
    ) -> None:
        """Other bundles, and autoencoders without variances, code the same bytes as ever."""
        doubts = np.random.default_rng(0).normal(0, 2, (4, HEIGHT // 8, WIDTH // 8))
        seen: list[int] = []

        def encode_with_variance(pictures: np.ndarray, *size: int) -> tuple:
            seen.append(len(pictures))
            latents = linear_codec.encode(pictures, *size)
            return latents, np.stack([doubts] * len(pictures)) if variances else None

        runtime = SimpleNamespace(
            bundle=SimpleNamespace(**vars(linear_codec.bundle) | {"certainty_strength": strength}),
            encode=linear_codec.encode,
            encode_with_variance=encode_with_variance,
        )
        frames, task = (
            list(Source(scene(smooth, 35, 5))),
            ChunkTask(Chunk(0, 0, 5, True), (CodingPlan(EncoderSettings(crf=22)),)),
        )
        plain, coded = (
            ChunkCoder(one, linear_codec.header(WIDTH, HEIGHT)).code(task, lambda chunk: frames)[0]
            for one in (linear_codec, runtime)
        )
        assert (coded.data == plain.data) == same and sum(seen) == asked

    def test_every_unit_says_at_which_crf_it_was_coded(self, code) -> None:
        coded = code(
            Chunk(0, 0, 20, True),
            CodingPlan(EncoderSettings(crf=33), Budget(33.4, (60.0,) + (4.0,) * 19, 0.1)),
        )
        for unit, data in zip(coded.units, coded.access_units(), strict=True):
            parsed = AccessUnit.parse(data)
            quantiser = EncoderSettings(crf=unit.crf).inter_quantiser
            assert (
                (parsed.quantisers[0] < quantiser)
                if parsed.is_keyframe
                else (parsed.quantisers[0] == quantiser)
            )
        assert AccessUnit.parse(next(coded.access_units())).header.crf == 33
