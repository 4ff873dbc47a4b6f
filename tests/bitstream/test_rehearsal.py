"""What stops the copy of a track is known beforehand."""

from __future__ import annotations

import pytest

from bitstream.container import CopySource, rehearse_copy
from bitstream.errors import ContainerError


@pytest.mark.parametrize("format_name", ["mp4", "mov", "matroska"])
@pytest.mark.parametrize("may_end", [False, True])
def test_tracks_that_can_be_copied_are_no_error(make_video, format_name, may_end) -> None:
    rehearse_copy(CopySource(make_video()), format_name, may_end=may_end)


def test_a_packet_late_in_the_track_that_mp4_does_not_take_is_an_error(broken_sound) -> None:
    with pytest.raises(ContainerError, match="track 1 cannot be copied .Invalid data"):
        rehearse_copy(CopySource(broken_sound), "mp4", may_end=False)
    rehearse_copy(CopySource(broken_sound), "mp4", may_end=True)
    rehearse_copy(CopySource(broken_sound), "matroska", may_end=False)


@pytest.mark.parametrize("format_name", ["mp4", "matroska"])
def test_a_track_that_cannot_be_read_is_an_error(make_video, monkeypatch, format_name) -> None:
    path = make_video("source.mp4")
    # as if the tables led to the same bytes again and again
    monkeypatch.setattr("bitstream.container.tracks.TIMES_READ", 0)
    monkeypatch.setattr("bitstream.container.tracks.MORE_BYTES", 5000)
    with pytest.raises(ContainerError, match="the same bytes again and again"):
        rehearse_copy(CopySource(path), format_name, may_end=False)
    rehearse_copy(CopySource(path), format_name, may_end=True)
