"""Clean apertures are cropped."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from videocodec.media.seeking import SeekingSource

from .conftest import picture, read

CLAP = struct.pack(">I4sIIIIiIiI", 40, b"clap", 32, 1, 16, 1, 8, 1, -4, 1)


def with_aperture(path: Path, clap: bytes = CLAP) -> Path:
    """The file with a ``clap`` box put into its sample entry; its tables come last."""
    data = path.read_bytes()
    kinds = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    end = entry + int.from_bytes(data[entry : entry + 4], "big")
    out = bytearray(data[:end] + clap + data[end:])
    for kind in kinds:
        place = data.rindex(kind, 0, entry + 8) - 4
        size = int.from_bytes(out[place : place + 4], "big") + len(clap)
        out[place : place + 4] = size.to_bytes(4, "big")
    path.write_bytes(out)
    return path


def test_the_clean_aperture_is_what_is_taken(make_clip) -> None:
    source, frames = read(with_aperture(make_clip(rotation=90)))
    assert (source.width, source.height, source.rotation) == (32, 16, 90)
    assert [frame.pts for frame in frames] == [512 * index for index in range(5)]
    for index, frame in enumerate(frames):
        wanted = picture(64, 48, index)[12:28, 24:56].astype(int)
        assert np.abs(frame.rgb - wanted).mean() < 8


def test_a_file_with_an_aperture_can_be_sought_in(make_clip) -> None:
    with SeekingSource(with_aperture(make_clip())) as source:
        assert source.seek(3 * 512, 3)
        assert [frame.rgb.shape for frame in source] == [(16, 32, 3)] * 2


@pytest.mark.parametrize("terms", [(32, 0, 16, 1), (100, 1, 16, 1), (64, 1, 48, 1), (0, 1, 0, 1)])
def test_apertures_that_cannot_be_are_left_alone(make_clip, terms) -> None:
    clap = struct.pack(">I4sIIIIiIiI", 40, b"clap", *terms, 0, 1, 0, 1)
    source, _ = read(with_aperture(make_clip(), clap))
    assert (source.width, source.height) == (64, 48)
