"""The frames every codec gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec.errors import InputError
from videocodec.ladder.clips import Clip, prepare
from videocodec.ladder.planes import ToRgb, read, resized
from videocodec.media.source import VideoSource

from .conftest import FRAMES


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


class TestPrepare:
    def test_samples_of_a_420_source_stay_untouched(self, clip: Clip, clip_path: Path) -> None:
        assert (clip.name, clip.width, clip.height, clip.frames, clip.rate) == (
            "pan",
            96,
            64,
            FRAMES,
            "25",
        )
        assert clip.notes == ()
        assert all(
            np.array_equal(a, b)
            for a, b in zip(decoded(clip.path()), decoded(clip_path), strict=True)
        )
        assert np.array_equal(np.stack(decoded(clip_path)), clip.reference())

    def test_this_codec_reads_the_same_pictures_from_it_as_from_the_source(
        self, clip: Clip, clip_path: Path
    ) -> None:
        to_rgb = ToRgb(clip)
        with VideoSource(clip_path) as source, VideoSource(clip.path()) as prepared:
            for original, stored, planes in zip(source, prepared, clip.reference(), strict=True):
                assert np.array_equal(original.rgb, stored.rgb)
                assert np.array_equal(original.rgb, to_rgb(planes))

    def test_matrix_and_range_are_stated_in_the_file(self, clip: Clip) -> None:
        with av.open(str(clip.path())) as container:
            frame = next(container.decode(video=0))
        assert (int(frame.colorspace), int(frame.color_range)) == (clip.matrix, 1) == (6, 1)
        assert clip.colour_path == "8-bit 4:2:0, BT.601, limited range"

    def test_odd_sizes_lose_their_last_row_and_column_and_say_so(
        self, write_movie: Callable[..., Path], texture: Callable[..., np.ndarray], tmp_path: Path
    ) -> None:
        source = write_movie(tmp_path / "odd.mp4", [texture(65, 97, seed) for seed in (1, 2)])
        clip = prepare(source, tmp_path / "cache")
        assert (clip.width, clip.height) == (96, 64)
        assert clip.notes[0].startswith("97x65") and "yuv444p" in clip.notes[1]
        with VideoSource(source) as opened:
            for frame, planes in zip(opened, clip.reference(), strict=True):
                difference = ToRgb(clip)(planes).astype(int) - frame.rgb[:64, :96]
                assert np.abs(difference.mean((0, 1))).max() < 1

    def test_it_is_found_again_and_frames_are_limited(
        self, clip_path: Path, tmp_path: Path
    ) -> None:
        first = prepare(clip_path, tmp_path, 5)
        written = first.path().stat().st_mtime_ns
        assert prepare(clip_path, tmp_path, 5) == first
        assert first.path().stat().st_mtime_ns == written
        assert first.frames == 5
        assert prepare(clip_path, tmp_path).sha256 != first.sha256

    def test_one_frame_is_refused_in_one_line(
        self, write_movie: Callable[..., Path], panned: Callable, clip_path: Path, tmp_path: Path
    ) -> None:
        single = write_movie(tmp_path / "single.mp4", panned(1, 64, 96, (0, 0)))
        for path, limit in ((single, None), (clip_path, 1)):
            with pytest.raises(InputError, match="one frame only") as caught:
                prepare(path, tmp_path / "cache", limit)
            assert "\n" not in str(caught.value)
        assert not any((tmp_path / "cache").iterdir())


class TestResolutions:
    def test_a_scaled_file_has_the_scaled_size_and_all_frames(self, clip: Clip) -> None:
        frames = list(read(clip.path(0.5)))
        assert [(frame.width, frame.height) for frame in frames] == [(48, 32)] * FRAMES

    def test_down_and_up_again_keeps_the_picture_in_place(self, clip: Clip) -> None:
        for small, original in zip(read(clip.path(0.5)), clip.reference(), strict=True):
            back = resized(small, 96, 64).to_ndarray()[:64].astype(int)
            shifted = [
                np.abs(back[8:-8, 8:-8] - original[8 + dy : 56 + dy, 8 + dx : 88 + dx]).mean()
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
            assert int(np.argmin(shifted)) == 4

    def test_sizes_are_even(self, clip: Clip) -> None:
        assert clip.size(0.33) == (32, 22)
