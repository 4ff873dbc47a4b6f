"""Optical flow: a shift is found and undone, on pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.optical_flow import DenseFlow, warped


@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_picture_warped_by_whole_pixels_is_the_picture_moved(colours: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, *colours), dtype=np.uint8)
    flow = np.broadcast_to(np.array([3, -2], np.float32), (20, 30, 2))
    moved = warped(picture, flow)
    assert np.array_equal(moved[2:, :-3], picture[:-2, 3:])
    assert np.array_equal(moved[:2, :-3], np.repeat(picture[:1, 3:], 2, axis=0))


@pytest.mark.parametrize("finest", [False, True])
@pytest.mark.parametrize("size", [(96, 128), (20, 200), (7, 9)])
def test_flow_has_the_size_of_the_pictures_and_a_still_has_none(smooth, size, finest) -> None:
    picture = np.ascontiguousarray(smooth(*size, 1)[..., 0])
    flow = DenseFlow(1, finest=finest)(picture, picture)
    assert (flow.shape, flow.dtype) == ((*size, 2), np.float32)
    assert np.abs(flow).max() < 0.5


def test_a_pan_is_found(smooth) -> None:
    scene = smooth(128, 160, 7)[..., 0]
    before, now = (np.ascontiguousarray(scene[16:112, x : x + 128]) for x in (16, 20))
    flow = DenseFlow(1)(now, before)
    assert np.abs(np.median(flow.reshape(-1, 2), axis=0) - (4, 0)).max() < 0.5
