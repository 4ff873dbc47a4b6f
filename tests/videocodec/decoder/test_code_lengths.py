"""What parts of frames cost adds up to what the frames cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from videocodec import encode
from videocodec.decoder.code_lengths import CodeLengths
from videocodec.decoder.latents import LatentStream


def units_of(stream: LatentStream) -> list[AccessUnit]:
    return [AccessUnit.parse(sample.data) for sample in stream.reader.units()]


@pytest.fixture
def local_movie(coded_movie, tmp_path: Path) -> Path:
    """Three frames in format version 2, whose left 64 px are finer."""
    regions, coded = tmp_path / "regions.json", tmp_path / "local.mp4"
    regions.write_text('[{"x": 0, "y": 0, "width": 64, "height": 64, "offset": -9}]')
    options = {"model": "second", "preset": "veryfast", "max_frames": 3, "device": "cpu"}
    encode(coded_movie.movie, coded, crf=44, roi=regions, **options)
    return coded


@pytest.mark.parametrize("which", ["coded_movie", "generated_movie", "second_movie", "local_movie"])
def test_the_parts_of_every_frame_add_up_to_its_code_length(
    request: pytest.FixtureRequest, which: str
) -> None:
    movie = request.getfixturevalue(which)
    stream = LatentStream(getattr(movie, "coded", movie))
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


def test_maps_of_quantisers_have_the_local_ones(local_movie: Path) -> None:
    frames = list(LatentStream(local_movie).frames())
    assert sum(int(frame.latent.fields.coded[:, :8].any()) for frame in frames) > 1
    for frame in frames:
        local = np.full(frame.quantiser_map.shape, frame.latent.quantiser)
        local[:, :8] -= 9
        coded = frame.latent.fields.coded  # blocks of a position
        assert np.array_equal(frame.quantiser_map[coded], local[coded])


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
