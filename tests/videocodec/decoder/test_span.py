"""Parts of a stream as people write them, and decoded files that hold exactly those frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bitstream.container import StreamReader
from videocodec import Frame, decode, decode_frames
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.span import FrameSpan
from videocodec.errors import FrameRangeError

CPU = {"device": "cpu", "threads": 1}
EXTENT = r"it has 22 frames, 0 to 21, from 0 s up to 0.88 s$"


@pytest.fixture(scope="module")
def index(coded_movie) -> StreamIndex:
    """22 frames of 1/25 s."""
    return StreamIndex(StreamReader(coded_movie.coded))


@pytest.mark.parametrize(
    ("text", "first", "stop"),
    [
        ("3:7", 3, 7),
        (":", 0, 22),
        ("5:", 5, 22),
        (":5", 0, 5),
        ("-4:", 18, 22),
        ("-10:-3", 12, 19),
        ("21:22", 21, 22),
        ("0.2s:0.4s", 5, 10),
        ("0.19s:0.41s", 5, 11),
        ("0.4s:", 10, 22),
        (":.4s", 0, 10),
        ("-0.08s:", 20, 22),
        ("0s:0.88s", 0, 22),
        ("3:0.4s", 3, 10),
        ("0.200s:-2", 5, 20),
        (" 3 : 7 ", 3, 7),
        ("0.s:1", 0, 1),
    ],
)
def test_parts(index: StreamIndex, text: str, first: int, stop: int) -> None:
    assert FrameSpan.parse(text).resolve(index) == range(first, stop)


@pytest.mark.parametrize(
    "text", ["", "5", "1:2:3", "a:b", "1.5:3", "3s", "1e3:", "--3:", "3 s:4s", "½:"]
)
def test_what_is_no_part_says_how_to_write_one(text: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"must be FIRST:STOP in frames or seconds, such as 100:140, 3.5s:7s or 100:, got '",
    ):
        FrameSpan.parse(text)


@pytest.mark.parametrize("text", ["0:23", "23:", "-23:", "1s:2s", ":0.9s", "-1s:", ":-30"])
def test_beyond_the_stream_is_told_with_its_length(index: StreamIndex, text: str) -> None:
    with pytest.raises(FrameRangeError, match=rf"pan.lv.mp4: {text} goes beyond it: {EXTENT}"):
        FrameSpan.parse(text).resolve(index)


@pytest.mark.parametrize("text", ["7:7", "8:3", "0.41s:0.42s", "22:", ":0"])
def test_so_is_a_part_without_frames(index: StreamIndex, text: str) -> None:
    with pytest.raises(FrameRangeError, match=rf"no frame lies in {text}: {EXTENT}"):
        FrameSpan.parse(text).resolve(index)


def test_slices_and_ranges_are_parts_if_they_have_no_gaps(index: StreamIndex) -> None:
    assert (
        FrameSpan.of(slice(3, None)).resolve(index)
        == FrameSpan.of(range(3, 22)).resolve(index)
        == range(3, 22)
    )
    assert FrameSpan.of(FrameSpan(Fraction(1, 5), None)).resolve(index) == range(5, 22)
    with pytest.raises(ValueError, match="frames must be without gaps, got a step of 2"):
        FrameSpan.of(slice(0, 8, 2))


@pytest.fixture(scope="module")
def whole(coded_movie) -> list[Frame]:
    """All frames, decoded in order."""
    return list(decode_frames(coded_movie.coded, **CPU))


class TestDecoding:
    @pytest.mark.parametrize(
        ("span", "numbers"),
        [("8:12", range(8, 12)), ("0.52s:0.72s", range(13, 18)), (slice(-1, None), range(21, 22))],
    )
    def test_pictures_are_those_frames_to_the_last_bit(
        self, coded_movie, tmp_path: Path, whole: list[Frame], span, numbers: range
    ) -> None:
        report = decode(
            coded_movie.coded,
            tmp_path / "%d.png",
            frames=span,
            provenance=tmp_path / "map.mkv",
            **CPU,
        )
        assert report.frames == len(numbers) == len(list(tmp_path.glob("*.png")))
        for place, number in enumerate(numbers, start=1):
            written = cv2.imread(str(tmp_path / f"{place}.png"), cv2.IMREAD_COLOR_RGB)
            assert np.array_equal(written.transpose(2, 0, 1), whole[number].data)
        with av.open(str(tmp_path / "map.mkv")) as container:
            assert [round(frame.time * 25) for frame in container.decode(video=0)] == list(
                range(len(numbers))
            )

    @pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
    def test_times_begin_at_zero_and_the_sound_goes_along(
        self, coded_movie, tmp_path: Path, suffix: str
    ) -> None:
        """Frames 5 to 14, 0.2 s to 0.6 s: their sound is that of the source there."""
        target = tmp_path / f"out.{suffix}"
        decode(coded_movie.coded, target, frames="5:15", **CPU)
        with av.open(str(target)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times == pytest.approx([number / 25 for number in range(10)], abs=0.0006)
        cut, source = samples(target), samples(coded_movie.coded)
        assert abs(len(cut) - 0.4 * 48000) <= 1024
        tolerance = 50 if suffix == "mkv" else 1  # it counts in milliseconds
        shifts = {
            offset: (
                np.abs(
                    cut[2048:12000] - source[9600 + 2048 + offset : 9600 + 12000 + offset]
                ).mean()
            )
            for offset in range(-50, 51)
        }
        best = min(shifts, key=shifts.get)
        # AAC decoders fill in noise of their own, so that they are alike rather than equal.
        assert abs(best) <= tolerance and shifts[best] < 0.8 * np.median(list(shifts.values()))

    def test_y4m_has_so_many_frames(self, coded_movie, tmp_path: Path) -> None:
        decode(coded_movie.coded, tmp_path / "out.y4m", frames=":3", **CPU)
        assert len((tmp_path / "out.y4m").read_bytes().partition(b"\n")[2]) == 3 * (
            len(b"FRAME\n") + 64 * 96 * 3 // 2
        )

    def test_damage_elsewhere_does_not_matter(
        self, coded_movie, rewrite: Callable[..., Path], tmp_path: Path, whole: list[Frame]
    ) -> None:
        damaged = rewrite(
            coded_movie.coded,
            lambda number, data: (
                data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if number == 1 else data
            ),
        )
        decode(damaged, tmp_path / "%d.png", frames="12:13", **CPU)
        assert np.array_equal(
            cv2.imread(str(tmp_path / "1.png"), cv2.IMREAD_COLOR_RGB).transpose(2, 0, 1),
            whole[12].data,
        )

    def test_wrong_ones_are_told_before_any_work(self, coded_movie, tmp_path: Path) -> None:
        with pytest.raises(FrameRangeError, match=EXTENT):
            decode(coded_movie.coded, tmp_path / "out.mp4", frames="5:99", **CPU)
        assert list(tmp_path.iterdir()) == []


def samples(path: Path) -> np.ndarray:
    """The first channel of a file's sound from time 0 on, as players play it."""
    with av.open(str(path)) as container:
        blocks = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    begin = round(blocks[0][0] * 48000)
    joined = np.concatenate([block for _, block in blocks])
    return joined[max(0, -begin) :]
