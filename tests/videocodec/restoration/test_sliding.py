"""Sliding windows: at fixed places in the stream, closed at keyframes, averaged, whatever the
batches.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from videocodec.models.denoiser import SlidingWindow
from videocodec.restoration.sliding import ClipAverage, clips_around


def stream(count: int, keyframes: tuple[int, ...] = (0,)) -> list[SimpleNamespace]:
    """As much of ``DecodedLatents`` as windows look at; the latents are the frame's index."""
    return [
        SimpleNamespace(
            index=i,
            kind="keyframe" if i in keyframes else "inter",
            latent=SimpleNamespace(latents=np.full((1, 2, 2), i)),
        )
        for i in range(count)
    ]


def window_of(
    frames: list[SimpleNamespace], first: int, count: int, reach: int
) -> tuple[list[SimpleNamespace], int]:
    """The frames a decoder holds when it restores some of them, and the position of the first."""
    begin = max(0, first - reach)
    return frames[begin : first + count + reach], first - begin


WINDOW = SlidingWindow(6, 3)


class TestPlaces:
    @pytest.mark.parametrize(
        ("index", "clips"),
        [
            (0, [(0, 3), (0, 6)]),
            (2, [(0, 3), (0, 6)]),
            (3, [(0, 6), (3, 9)]),
            (10, [(6, 12), (9, 15)]),
            (18, [(15, 20), (18, 20)]),
        ],
    )
    def test_they_begin_at_multiples_of_the_stride_and_end_with_the_stream(
        self, index: int, clips: list
    ) -> None:
        assert clips_around(stream(20), index, WINDOW) == clips

    @pytest.mark.parametrize(
        ("index", "clips"),
        [(7, [(3, 8), (6, 8)]), (8, [(8, 9), (8, 12)]), (12, [(9, 15), (12, 18)])],
    )
    def test_no_clip_goes_past_a_keyframe(self, index: int, clips: list) -> None:
        assert clips_around(stream(30, keyframes=(0, 8)), index, WINDOW) == clips

    @pytest.mark.parametrize(
        "window", [WINDOW, SlidingWindow(16, 8), SlidingWindow(5, 2), SlidingWindow(1, 1)]
    )
    def test_a_decoder_that_holds_only_the_frames_in_reach_finds_the_same(
        self, window: SlidingWindow
    ) -> None:
        frames = stream(60, keyframes=(0, 17, 18, 40))
        reach = window.length - 1
        for index in range(60):
            held, position = window_of(frames, index, 1, reach)
            found = [
                [f.index for f in held[begin:end]]
                for begin, end in clips_around(held, position, window)
            ]
            wanted = [
                [f.index for f in frames[begin:end]]
                for begin, end in clips_around(frames, index, window)
            ]
            assert found == wanted
            assert all(index in clip and len(clip) <= window.length for clip in found)


class TestAverages:
    @staticmethod
    def restore_clip(frames: list[SimpleNamespace]) -> torch.Tensor:
        """A network of which every frame depends on the whole clip."""
        around = np.array([f.index for f in frames], dtype=np.float32)
        return torch.stack(
            [
                torch.full((1, 2, 2), float(f.index + 1000 * around.sum() + i))
                for i, f in enumerate(frames)
            ]
        )

    def test_a_clip_counts_by_its_frames(self) -> None:
        average = ClipAverage(
            WINDOW, lambda frames: torch.full((len(frames), 1, 2, 2), float(len(frames)))
        )
        assert average.reach == 5
        assert average.restore(stream(20), 1, 1)[0, 0, 0, 0] == pytest.approx((3 * 3 + 6 * 6) / 9)
        assert average.restore(stream(20), 10, 1)[0, 0, 0, 0] == 6

    @pytest.mark.parametrize("batch", [1, 2, 5, 7, 26])
    def test_batches_and_their_order_make_no_difference(self, batch: int) -> None:
        frames = stream(26, keyframes=(0, 11))
        whole = ClipAverage(WINDOW, self.restore_clip).restore(frames, 0, 26)
        for order in (1, -1):
            average, found = ClipAverage(WINDOW, self.restore_clip), torch.zeros_like(whole)
            for first in range(0, 26, batch)[::order]:
                count = min(batch, 26 - first)
                held, position = window_of(frames, first, count, average.reach)
                found[first : first + count] = average.restore(held, position, count)
            assert torch.equal(found, whole)

    def test_frames_in_order_restore_every_clip_once(self) -> None:
        seen = []

        def restore_clip(frames: list[SimpleNamespace]) -> torch.Tensor:
            seen.append(tuple(f.index for f in frames))
            return self.restore_clip(frames)

        frames, average = stream(30), ClipAverage(WINDOW, restore_clip)
        for first in range(30):
            average.restore(*window_of(frames, first, 1, average.reach), 1)
        assert len(seen) == len(set(seen)) == 11

    def test_other_frames_of_the_same_numbers_are_no_old_acquaintances(self) -> None:
        average = ClipAverage(
            WINDOW,
            lambda frames: torch.from_numpy(
                np.stack([f.latent.latents.astype(np.float32) for f in frames])
            ),
        )
        first = average.restore(stream(6), 0, 6)
        others = stream(6)
        for frame in others:
            frame.latent.latents = frame.latent.latents + 7
        assert torch.equal(average.restore(others, 0, 6), first + 7)
