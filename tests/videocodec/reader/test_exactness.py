"""Frames are the same to the last bit as from the start, whatever the order, the memory and the
thread.
"""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from bitstream.container import SharedFile
from videocodec import Frame, VideoReader
from videocodec.decoder.latents import LatentStream
from videocodec.errors import ReaderClosedError

from .conftest import CPU, same


class TestExactness:
    @pytest.mark.parametrize("limit", [0, 60_000, 400_000, 64 << 20])
    @pytest.mark.parametrize("read_ahead", [False, True])
    def test_any_order_under_any_memory(
        self, coded_movie, sequential: list[Frame], limit: int, read_ahead: bool
    ) -> None:
        order = [21, 0, 11, 10, 9, 8, 7, 12, 13, 20, 19, 0, 21]
        with VideoReader(
            coded_movie.coded, memory_limit=limit, read_ahead=read_ahead, **CPU
        ) as video:
            assert all(same(video[index], sequential[index]) for index in order)
            assert video.memory_peak <= limit and video.memory_used <= limit

    @pytest.mark.slow
    def test_five_thousand_random_jumps(self, coded_movie, sequential: list[Frame]) -> None:
        rng = random.Random(5)
        with (
            VideoReader(coded_movie.coded, memory_limit=300_000, **CPU) as small,
            VideoReader(coded_movie.coded, **CPU) as large,
        ):
            for jump in range(5000):
                index = rng.randrange(22)
                video = small if jump % 10 == 0 else large
                assert np.array_equal(video[index].data, sequential[index].data), (jump, index)
                if jump % 7 == 0:
                    small.latents[rng.randrange(22)]

    def test_several_threads(self, coded_movie, sequential: list[Frame]) -> None:
        wrong: list[object] = []

        def jump(seed: int) -> None:
            rng = random.Random(seed)
            try:
                wrong.extend(
                    i
                    for i in (rng.randrange(22) for _ in range(15))
                    if not np.array_equal(video[i].data, sequential[i].data)
                )
            except Exception as error:
                wrong.append(error)

        with VideoReader(coded_movie.coded, memory_limit=500_000, **CPU) as video:
            threads = [threading.Thread(target=jump, args=(seed,)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    def test_threads_that_go_to_different_places_without_memory_both_arrive(
        self, coded_movie
    ) -> None:
        exact = {
            frame.index: frame.latent.latents for frame in LatentStream(coded_movie.coded).frames()
        }
        wrong: list[int] = []

        def look(numbers: tuple[int, ...]) -> None:
            wrong.extend(
                number
                for number in 4 * numbers
                if not np.array_equal(video.latents[number], exact[number])
            )

        with VideoReader(coded_movie.coded, memory_limit=0, read_ahead=False, **CPU) as video:
            threads = [
                threading.Thread(target=look, args=(numbers,), daemon=True)
                for numbers in ((9, 19), (19, 21), (8, 9))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads) and wrong == []

    def test_closing_under_another_thread_is_told_as_that(
        self, coded_movie, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        video = VideoReader(coded_movie.coded, memory_limit=0, read_ahead=False, **CPU)
        read = SharedFile.read

        def close_first(file: SharedFile, position: int, count: int) -> bytes:
            video.close()
            return read(file, position, count)

        monkeypatch.setattr(SharedFile, "read", close_first)
        with pytest.raises(ReaderClosedError):
            video.latents[15]
