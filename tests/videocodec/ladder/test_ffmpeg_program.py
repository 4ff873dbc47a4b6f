"""The ffmpeg program: one line when it fails, and nothing from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from videocodec.errors import ProgramError
from videocodec.ladder.ffmpeg_program import ffmpeg, has_filter, peak_memory, program_version

from .conftest import needs_program

pytestmark = needs_program


def test_a_failure_is_one_line_with_its_exit_status(tmp_path: Path) -> None:
    with pytest.raises(
        ProgramError, match="the ffmpeg program failed with exit status [1-9]"
    ) as caught:
        ffmpeg(["-i", str(tmp_path / "absent.mp4"), "-f", "null", "-"])
    assert "\n" not in str(caught.value)


def test_addresses_are_refused() -> None:
    with pytest.raises(ProgramError, match="not on whitelist"):
        ffmpeg(["-i", "http://127.0.0.1:9/clip.mp4", "-f", "null", "-"])


def test_frames_are_piped_in_and_its_memory_is_known(tmp_path: Path) -> None:
    words = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-s",
        "16x16",
        "-r",
        "25",
        "-i",
        "pipe:0",
        "-f",
        "rawvideo",
        str(tmp_path / "out.raw"),
    ]
    ffmpeg(words, (bytes([value]) * 256 for value in range(5)))
    assert (tmp_path / "out.raw").read_bytes() == b"".join(
        bytes([value]) * 256 for value in range(5)
    )
    assert peak_memory() > 1_000_000


def test_it_says_what_it_is() -> None:
    assert program_version() != "unknown"
    assert has_filter("libvmaf")
    assert not has_filter("libvma")
