"""Clips to fit on: real ones, or a virtual camera over pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videocodec.calibration.clips import camera_clip, camera_clips, clip_files, read_clips
from videocodec.errors import InputError


class TestTheCamera:
    def test_it_moves_over_the_picture_and_something_passes(self, texture) -> None:
        clip = camera_clip(
            texture(160, 200, 0), texture(100, 100, 1), 8, np.random.default_rng(0), 64
        )
        assert (clip.shape, clip.dtype) == ((8, 64, 64, 3), np.uint8)
        steps = np.abs(np.diff(clip.astype(int), axis=0)).mean((1, 2, 3))
        assert np.all(steps > 1)
        # Frames next to each other are alike, and the first and the last are less so.
        assert steps.mean() < 0.7 * np.abs(clip[0].astype(int) - clip[-1]).mean()

    def test_what_passes_is_the_other_picture(self, texture) -> None:
        dark, bright = np.full((100, 100, 3), 10, np.uint8), np.full((100, 100, 3), 240, np.uint8)
        clip = camera_clip(dark, bright, 4, np.random.default_rng(1), 64)
        assert clip.min() == 10 and clip.max() == 240
        assert (clip < 128).any() and (clip > 128).any()

    def test_clips_of_it_are_ready_to_be_coded(self, linear_codec, texture) -> None:
        pictures = [texture(96, 120, seed) for seed in range(3)]
        clips = list(camera_clips(pictures, linear_codec, 4, count=4, frames=5))
        assert [len(clip.frames) for clip in clips] == [5] * 4
        for clip in clips:
            assert (clip.header.width, clip.header.height) == (96, 96)
            assert clip.frames[0].latents.shape == (4, 12, 12)
        assert not np.array_equal(clips[0].frames[0].latents, clips[3].frames[0].latents)
        again = list(camera_clips(pictures, linear_codec, 4, count=4, frames=5))
        assert np.array_equal(clips[2].frames[4].latents, again[2].frames[4].latents)


def test_real_clips_are_read_up_to_so_many_frames(
    tmp_path: Path, linear_codec, write_movie, panned
) -> None:
    for index in range(2):
        write_movie(
            tmp_path / f"{index}.MP4" if index else tmp_path / "0.mkv",
            panned(6, 48, 64, (0, 1), seed=index),
        )
    (tmp_path / "notes.txt").write_text("no clip")
    files = clip_files(tmp_path)
    assert [file.name for file in files] == ["0.mkv", "1.MP4"]
    clips = list(read_clips(files, linear_codec, 4, 4))
    assert [len(clip.frames) for clip in clips] == [4, 4]
    assert clips[0].frames[0].latents.shape == (4, 6, 8)


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_clips_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"{name}: no clip to fit inter frames on"):
        clip_files(tmp_path / name)
