"""Batches: counted from the keyframe, with the frames around them, and never across lost ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from videocodec.decoded import FrameKind
from videocodec.decoder.batches import batches

KINDS = {"k": FrameKind.KEYFRAME, "i": FrameKind.INTER, "x": FrameKind.CONCEALED}


def made(kinds: str, size: int, reach: int, first: int = 0) -> list[tuple[list[int], list[int]]]:
    """Frames by their kinds → (frames in the batch, frames in the window) of every batch."""
    frames = [
        SimpleNamespace(kind=KINDS[letter], index=first + i) for i, letter in enumerate(kinds)
    ]
    return [
        (
            [frame.index for frame in batch.window[batch.places.start : batch.places.stop]],
            [frame.index for frame in batch.window],
        )
        for batch in batches(frames, size, reach)
    ]


@pytest.mark.parametrize("first", [0, 5])
def test_frames_are_counted_from_the_keyframe(first: int) -> None:
    found = [[i - first for i in batch] for batch, _ in made("kiiiikii", 2, 0, first)]
    assert found == [[0, 1], [2, 3], [4], [5, 6], [7]]


@pytest.mark.parametrize(("size", "reach"), [(1, 1), (2, 1), (3, 2), (4, 0), (2, 3)])
def test_a_window_holds_all_that_is_within_reach_in_the_group(size: int, reach: int) -> None:
    groups = [range(0, 7), range(7, 12)]
    for batch, window in made("kiiiiiikiiii", size, reach):
        (group,) = (group for group in groups if batch[0] in group)
        wanted = range(max(group.start, batch[0] - reach), min(group.stop, batch[-1] + reach + 1))
        assert set(wanted) <= set(window)
        assert window == list(range(window[0], window[-1] + 1))


def test_lost_frames_stand_alone_and_cut_windows() -> None:
    assert made("kiixxki", 2, 1) == [
        ([0, 1], [0, 1, 2]),
        ([2], [1, 2]),
        ([3], [3]),
        ([4], [4]),
        ([5, 6], [5, 6]),
    ]


def test_every_frame_is_in_one_batch() -> None:
    found = [index for batch, _ in made("kiiixkiikiiiiix", 3, 2) for index in batch]
    assert found == list(range(15))
