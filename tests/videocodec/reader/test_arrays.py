"""Whose the arrays are that a reader hands out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
import torch

from videocodec import Frame, VideoReader

from .conftest import same


class TestArrays:
    """They are the caller's own: what is written into them changes nobody else's."""

    @pytest.mark.parametrize(
        "read",
        [
            lambda video: video[4],
            lambda video: video[4:5][0],
            lambda video: video[[4]][0],
            lambda video: video.peek(4),
            lambda video: video.get_frame_at(0.17),
            lambda video: next(islice(video, 4, None)),
        ],
    )
    def test_pictures(
        self, reader: VideoReader, sequential: list[Frame], read: Callable[[VideoReader], Frame]
    ) -> None:
        frame = read(reader)
        for array in (frame.data, frame.provenance):
            torch.from_numpy(array).fill_(77)
        assert (frame.data == 77).all()
        assert same(read(reader), sequential[4]) and same(reader[5], sequential[5])

    def test_batches_and_tensors(self, reader: VideoReader, sequential: list[Frame]) -> None:
        batch = reader.get_frames_at([4, 5])
        for tensor in (torch.from_numpy(batch.data), reader[4].to_torch()):
            tensor.fill_(77)
        assert same(reader[4], sequential[4]) and same(reader[5], sequential[5])

    def test_latents_and_what_later_frames_are_decoded_from(
        self, reader: VideoReader, sequential: list[Frame]
    ) -> None:
        exact = reader.latents[9].copy()
        frame = reader.latent_frame(9)
        for array in (frame.latent.latents, frame.quantiser_map, reader.latents[9]):
            torch.from_numpy(array).fill_(7)
        assert np.array_equal(reader.latents[9], exact)
        assert same(reader[9], sequential[9]) and same(reader[15], sequential[15])

    def test_tensors_have_the_values_and_shape_of_the_arrays(self, reader: VideoReader) -> None:
        frame, batch = reader[3], reader.get_frames_at([3, 8])
        for made, array in ((frame.to_torch(), frame.data), (batch.to_torch(), batch.data)):
            assert made.dtype == torch.uint8 and made.is_contiguous()
            assert np.array_equal(made.numpy(), array)
