"""``videocodec.encode``: what it reports, what it refuses, and that a failure leaves nothing
behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bitstream.container import StreamReader
from bitstream.v1.quantiser import QUANTISER_COUNT
from videocodec import encode
from videocodec.decoder.api import decode
from videocodec.errors import (
    DeviceError,
    InputError,
    OutputError,
    OutputExistsError,
    UnknownModelError,
)
from videocodec.models.default import DEFAULT_MODEL
from videocodec.progress import Progress

CPU = {"device": "cpu", "model": "embedded"}
ROOT = Path(__file__).resolve().parents[3]


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_the_report_agrees_with_the_file(movie: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    report = encode(
        movie, tmp_path / "out.lv.mp4", crf=40, gop_size=8, device="cpu", progress=told.append
    )
    index = StreamReader(tmp_path / "out.lv.mp4").index()
    assert (report.frames, report.keyframes, report.width, report.height) == (12, 2, 48, 32)
    assert report.keyframes == sum(unit.is_keyframe for unit in index)
    assert report.video_bytes == sum(unit.size for unit in index)
    assert report.video_bytes < report.container_bytes == (tmp_path / "out.lv.mp4").stat().st_size
    assert report.duration_seconds == pytest.approx(12 / 25)
    assert report.video_bitrate_bps == pytest.approx(
        report.video_bytes * 8 / report.duration_seconds
    )
    assert report.source_bytes == movie.stat().st_size
    assert (report.model_name, report.skipped_tracks) == (DEFAULT_MODEL, [])
    assert [progress.frames_done for progress in told] == sorted(
        progress.frames_done for progress in told
    )
    assert told[-1] == Progress(12, 12, report.video_bytes, report.duration_seconds)


def test_max_frames_stops_early(movie: Path, tmp_path: Path) -> None:
    report = encode(movie, tmp_path / "out.lv.mp4", max_frames=5, **CPU)
    assert report.frames == 5
    assert report.duration_seconds == pytest.approx(5 / 25)


@pytest.mark.parametrize(
    "setting",
    [
        {"crf": 64},
        {"gop_size": 0},
        {"generation": 1.5},
        {"preset": "best"},
        {"max_frames": 0},
        {"threads": 0},
        {"jobs": 0},
        {"bitrate": 0},
        {"target_size": True},
        {"maxrate": "60k"},
    ],
)
def test_impossible_settings_are_value_errors_before_anything_is_written(
    movie: Path, tmp_path: Path, setting: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        encode(movie, tmp_path / "out.lv.mp4", **setting)
    assert files(tmp_path) == {"movie.mp4"}


def test_an_existing_file_is_left_as_it_was_unless_overwriting_is_asked_for(
    movie: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.lv.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="out.lv.mp4 exists: pass -y to overwrite"):
        encode(movie, target)
    assert target.read_bytes() == b"precious"
    encode(movie, target, max_frames=1, overwrite=True, **CPU)
    assert StreamReader(target).header.width == 48


def test_input_and_output_must_differ_even_when_overwriting(movie: Path) -> None:
    before = movie.read_bytes()
    with pytest.raises(InputError, match="input and output are the same file"):
        encode(movie, movie.parent / "." / movie.name, overwrite=True)
    assert movie.read_bytes() == before


def test_the_target_must_be_an_mp4_file_by_name(movie: Path, tmp_path: Path) -> None:
    for name in ("-", "out.mkv", "out.png", "out"):
        with pytest.raises(OutputError, match=r"ends in \.mp4"):
            encode(movie, tmp_path / name)
    assert files(tmp_path) == {"movie.mp4"}


def test_files_with_similar_names_are_left_alone(movie: Path, tmp_path: Path) -> None:
    """A browser's unfinished download is called like this, for one."""
    source = movie.rename(tmp_path / "out.mp4.part")
    before = source.read_bytes()
    encode(source, tmp_path / "out.mp4", max_frames=1, **CPU)
    assert files(tmp_path) == {"out.mp4", "out.mp4.part"} and source.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="a colon cannot be in a file name there")
def test_a_colon_in_a_name_is_no_protocol(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    movie.rename(tmp_path / "a:b.mp4")
    encode("a:b.mp4", "c:d.mp4", max_frames=1, **CPU)
    assert decode("c:d.mp4", "e:f.mp4", device="cpu").frames == 1
    assert files(tmp_path) == {"a:b.mp4", "c:d.mp4", "e:f.mp4"}


def test_a_track_that_the_decoded_file_cannot_hold_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "flac.mkv"), "w") as output:
        video, sound = output.add_stream("libx264", rate=25), output.add_stream("flac", rate=48000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        output.mux(
            video.encode(
                av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            )
        )
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 2 * 4608), np.int16), format="s16", layout="stereo"
        )
        samples.sample_rate, samples.pts = 48000, 0
        for packets in (sound.encode(samples), sound.encode(None), video.encode(None)):
            output.mux(packets)
    assert encode(tmp_path / "flac.mkv", tmp_path / "c.mp4", **CPU).skipped_tracks == []
    (skipped,) = decode(tmp_path / "c.mp4", tmp_path / "d.mov", device="cpu").skipped_tracks
    assert "flac" in skipped and "mov cannot hold it" in skipped


def test_a_missing_folder_is_named(movie: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere.* does not exist"):
        encode(movie, tmp_path / "nowhere" / "out.lv.mp4")


def test_an_unknown_model_and_device_are_named_and_leave_nothing(
    movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownModelError, match="unknown model 'nonesuch'"):
        encode(movie, tmp_path / "out.lv.mp4", model="nonesuch")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match="cuda"):
        encode(movie, tmp_path / "out.lv.mp4", device="cuda")
    assert files(tmp_path) == {"movie.mp4"}


@pytest.mark.parametrize(
    "content", [None, b"", b"no video at all\n" * 50], ids=["missing", "empty", "text"]
)
def test_what_is_no_video_is_an_input_error_and_leaves_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    source = tmp_path / "source.mp4"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(InputError, match="source.mp4"):
        encode(source, tmp_path / "out.lv.mp4")
    assert files(tmp_path) <= {"source.mp4"}


def test_a_source_that_breaks_in_the_middle_leaves_no_output_and_no_part_of_one(
    tmp_path: Path,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The damage lies after frames that were coded and written already."""
    from videocodec.encoder import prepared_frames

    monkeypatch.setattr(prepared_frames, "BATCH_PIXELS", 4 * 48 * 32)
    movie = write_movie(tmp_path / "movie.mp4", panned(40, 32, 48, (0, 1)))
    with av.open(str(movie)) as container:
        entry = container.streams.video[0].index_entries[30]
    data = bytearray(movie.read_bytes())
    data[entry.pos : entry.pos + entry.size] = bytes(entry.size)
    movie.write_bytes(data)
    told: list[Progress] = []
    target = tmp_path / "out.lv.mp4"
    with pytest.raises(InputError, match="movie.mp4: damaged after frame"):
        encode(movie, target, gop_size=8, strict=True, progress=told.append, **CPU)
    assert told
    assert files(tmp_path) == {"movie.mp4"}
    report = encode(movie, target, gop_size=8, **CPU)
    assert report.losses and report.frames < 40


def test_a_callback_that_interrupts_leaves_nothing_and_the_old_file_in_place(
    movie: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.lv.mp4"
    target.write_bytes(b"the file before")

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(movie, target, overwrite=True, progress=interrupt, **CPU)
    assert files(tmp_path) == {"movie.mp4", "out.lv.mp4"}
    assert target.read_bytes() == b"the file before"


def test_the_quantiser_follows_crf(movie: Path, tmp_path: Path) -> None:
    from bitstream.access_unit import AccessUnit

    first = []
    for crf in (0, 28, 63):
        encode(movie, tmp_path / "out.lv.mp4", crf=crf, max_frames=1, overwrite=True, **CPU)
        first.append(
            AccessUnit.parse(next(StreamReader(tmp_path / "out.lv.mp4").units()).data).quantisers[0]
        )
    assert first == sorted(set(first))
    assert max(first) < QUANTISER_COUNT


def test_a_variable_frame_rate_counts_in_the_reports_seconds(
    tmp_path: Path, write_movie: Callable[..., Path], panned: Callable[..., list[np.ndarray]]
) -> None:
    movie = write_movie(
        tmp_path / "vfr.mkv",
        panned(4, 32, 48, (0, 0)),
        pts=(0, 40, 300, 340),
        time_base=Fraction(1, 1000),
    )
    assert encode(movie, tmp_path / "out.lv.mp4", **CPU).duration_seconds == pytest.approx(
        0.38, abs=0.005
    )


class TestRates:
    def test_a_bitrate_is_met(self, movie: Path, tmp_path: Path) -> None:
        report = encode(movie, tmp_path / "out.lv.mp4", bitrate=12_000, threads=1, **CPU)
        assert report.video_bitrate_bps == pytest.approx(12_000, rel=0.03)
        assert report.passes >= 2 and 0 < report.crf < 63 and report.warnings == []
        assert StreamReader(tmp_path / "out.lv.mp4").header.crf == round(report.crf)

    def test_a_size_is_met_by_the_file_without_its_sound(
        self, tmp_path: Path, write_movie, panned
    ) -> None:
        movie = write_movie(tmp_path / "movie.mp4", panned(24, 32, 48, (0, 1)), sound_seconds=0.9)
        report = encode(movie, tmp_path / "out.lv.mp4", target_size=2500, threads=1, **CPU)
        assert report.container_bytes == pytest.approx(2500, rel=0.03)
        assert (tmp_path / "out.lv.mp4").stat().st_size > 2 * report.container_bytes

    def test_what_is_out_of_reach_is_written_at_the_limit_with_a_warning(
        self, movie: Path, tmp_path: Path
    ) -> None:
        report = encode(movie, tmp_path / "out.lv.mp4", target_size=100, threads=1, **CPU)
        assert report.crf == 63
        (warning,) = report.warnings
        assert (
            "a size of 0.1 kB is out of reach" in warning
            and f"takes {report.video_bytes} bytes" in warning
        )

    @pytest.mark.parametrize(
        "goal", [{"bitrate": 8000}, {"target_size": 900}, {"bitrate": 8000, "target_size": 900}]
    )
    def test_crf_bitrate_and_size_exclude_each_other(
        self, movie: Path, tmp_path: Path, goal: dict[str, int]
    ) -> None:
        goal = goal if len(goal) > 1 else {"crf": 30, **goal}
        with pytest.raises(ValueError, match="exclude each other"):
            encode(movie, tmp_path / "out.lv.mp4", **goal)
        assert files(tmp_path) == {"movie.mp4"}
