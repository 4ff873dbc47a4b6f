"""What parts of frames cost adds up to what the frames cost."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from videocodec.decoder.code_lengths import CodeLengths
from videocodec.decoder.latents import LatentStream


def units_of(stream: LatentStream) -> list[AccessUnit]:
    return [AccessUnit.parse(sample.data) for sample in stream.reader.units()]


@pytest.mark.parametrize("which", ["pan", "generated", "draft"])
def test_the_parts_of_every_frame_add_up_to_its_code_length(
    coded_movie, generated_movie, draft_movie, which
) -> None:
    files = {"pan": coded_movie.coded, "generated": generated_movie, "draft": draft_movie.coded}
    stream = LatentStream(files[which])
    lengths = CodeLengths(stream.bundle.tables)
    maps = [plane for unit in units_of(stream) for plane in lengths.of(unit)]
    frames = list(stream.frames())
    assert len(maps) == len(frames)
    assert {frame.kind for frame in frames} == {"keyframe", "inter"}
    for plane, frame in zip(maps, frames, strict=True):
        assert plane.shape == frame.latent.latents.shape[1:]
        assert plane.min() >= 0
        assert plane.sum() == pytest.approx(
            frame.latent.block_bits + frame.latent.level_bits, rel=1e-5
        )


def test_a_block_without_levels_costs_less_than_one_with(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    lengths = CodeLengths(stream.bundle.tables)
    maps = [plane for unit in units_of(stream) for plane in lengths.of(unit)]
    with_levels, without = [], []
    for plane, frame in zip(maps, stream.frames(), strict=True):
        if frame.kind == "inter":
            coded = to_positions(frame.latent.fields.coded, stream.header.block_latents)
            with_levels.append(plane[coded])
            without.append(
                plane[
                    to_positions(
                        frame.latent.fields.modes == Mode.SKIP, stream.header.block_latents
                    )
                ]
            )
    assert np.concatenate(with_levels).mean() > 4 * np.concatenate(without).mean()


def test_units_need_their_keyframe(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    keyframe, group = units_of(stream)[:2]
    lengths = CodeLengths(stream.bundle.tables)
    with pytest.raises(BitstreamError, match="keyframe"):
        lengths.of(group)
    lengths.of(keyframe)
    assert len(lengths.of(group)) == group.frame_count
