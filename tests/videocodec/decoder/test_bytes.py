"""The bytes of a file are as good a source as its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import ContainerError
from videocodec import decode, decode_frames, info, verify
from videocodec.decoder.frame import Frame


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_info_and_verify_say_of_bytes_what_they_say_of_the_file(
    coded_movie, kind: Callable[[bytes], bytes]
) -> None:
    data = kind(coded_movie.coded.read_bytes())
    by_name = info(coded_movie.coded, headers_only=True)
    assert info(data, headers_only=True) == replace(by_name, path="the bytes")
    assert verify(data) == verify(coded_movie.coded)


def test_pictures_and_sound_of_bytes_are_those_of_the_file(coded_movie, tmp_path: Path) -> None:
    data = coded_movie.coded.read_bytes()
    for source, name in ((coded_movie.coded, "named.mp4"), (data, "bytes.mp4")):
        report = decode(source, tmp_path / name, device="cpu", threads=1, frames="0:3")
        assert (report.frames, report.skipped_tracks) == (3, [])
    assert (tmp_path / "bytes.mp4").read_bytes() == (tmp_path / "named.mp4").read_bytes()

    def first(source: Path | bytes) -> Frame:
        return next(decode_frames(source, device="cpu", threads=1))

    assert np.array_equal(first(data).data, first(coded_movie.coded).data)


def test_bytes_that_are_no_video_are_refused(tmp_path: Path) -> None:
    for read in (info, verify, lambda data: decode(data, tmp_path / "out.mp4")):
        with pytest.raises(ContainerError, match="the bytes"):
            read(b"nothing")
    assert not list(tmp_path.iterdir())
