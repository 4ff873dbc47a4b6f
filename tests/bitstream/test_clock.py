"""One clock for all tracks of a recording that was cut and joined."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from bitstream.container import CopySource, clock_of

FRAME = Fraction(1, 25)
SAMPLES = Fraction(1024, 48000)  # a packet of sound


def moved(source: Path, target: Path, seconds: float) -> Path:
    """The same recording with all its times moved."""
    with (
        av.open(str(source)) as before,
        av.open(str(target), "w", options={"muxdelay": "0"}) as after,
    ):
        streams = {
            stream.index: after.add_stream_from_template(stream) for stream in before.streams
        }
        for packet in before.demux():
            if packet.dts is None:
                continue
            packet.stream = streams[packet.stream_index]
            packet.pts += round(seconds * 90000)
            packet.dts += round(seconds * 90000)
            after.mux(packet)
    return target


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def repaired_times(path: Path) -> dict[str, list[Fraction]]:
    """Seconds of every packet of a kind after repair, in the order of the file."""
    times: dict[str, list[Fraction]] = {"video": [], "audio": []}
    with av.open(str(path)) as container:
        for packet in clock_of(path).repaired(container.demux()):
            if packet.size:
                times[packet.stream.type].append(packet.pts * packet.time_base)
    return {kind: sorted(found) if kind == "video" else found for kind, found in times.items()}


@pytest.fixture
def recording(make_video) -> Path:
    return make_video("a.ts", frames=20, subtitles=None)


@pytest.mark.parametrize("seconds", [0, 4000, -0.4, 11])
def test_parts_follow_each_other_with_picture_and_sound_in_step(
    tmp_path, recording, seconds
) -> None:
    first = moved(recording, tmp_path / "first.ts", 100)
    second = moved(
        recording, tmp_path / "second.ts", 100 + (0.8 if seconds == -0.4 else 0) + seconds
    )
    path = joined(tmp_path / "both.ts", first, second)
    assert len(clock_of(path).joints) == 1
    alone, both = repaired_times(first), repaired_times(path)
    shifts = {
        kind: [
            late - early for early, late in zip(alone[kind], found[len(found) // 2 :], strict=True)
        ]
        for kind, found in both.items()
    }
    (shift,) = {round(float(step), 4) for steps in shifts.values() for step in steps}
    assert 0.8 <= shift < 0.9, "the second part begins where the first ends"
    assert all(
        0 < later - earlier < Fraction(1, 10)
        for times in both.values()
        for earlier, later in itertools.pairwise(times)
    )


def test_gaps_that_a_signal_may_have_stay(tmp_path, recording) -> None:
    path = joined(
        tmp_path / "both.ts",
        moved(recording, tmp_path / "first.ts", 0),
        moved(recording, tmp_path / "second.ts", 9),
    )
    assert clock_of(path).joints == []


def test_a_clock_that_falls_again_and_again(tmp_path, recording) -> None:
    path = joined(tmp_path / "many.ts", *[recording] * 5)
    assert len(clock_of(path).joints) == 4
    times = repaired_times(path)["video"]
    assert len(times) == 100 and times[-1] - times[0] < 5


def test_a_track_that_is_silent_for_long_is_no_leap(tmp_path) -> None:
    path = tmp_path / "sparse.ts"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25, width=64, height=48, pix_fmt="yuv420p")
        video.codec_context.options = {"bf": "0", "g": "1"}
        sound = container.add_stream("mp2", rate=48000)
        pictures = iter([0, 25 * 15])
        following = next(pictures)
        for index in range(16 * 48000 // 1152):
            if following is not None and index * 1152 / 48000 >= following / 25:
                frame = av.VideoFrame(64, 48, "yuv420p")
                frame.pts, frame.time_base = following, FRAME
                container.mux(video.encode(frame))
                following = next(pictures, None)
            silence = av.AudioFrame(format="s16", layout="stereo", samples=1152)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate, silence.pts, silence.time_base = (
                48000,
                index * 1152,
                Fraction(1, 48000),
            )
            container.mux(sound.encode(silence))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    assert clock_of(path).joints == []


def test_files_whose_clock_cannot_change_are_not_read(make_video) -> None:
    path = make_video("a.mp4")
    clock = clock_of(path)
    assert clock.joints == []
    with av.open(str(path)) as container:
        packets = list(container.demux())
    assert list(clock.repaired(packets)) == packets


def test_sound_of_joined_parts_reaches_the_file_in_full(
    tmp_path, recording, write, make_units, packets_of
) -> None:
    path = joined(tmp_path / "both.ts", recording, recording)
    source = CopySource(path, picture=0, clock=clock_of(path))
    write(tmp_path / "clip.mp4", make_units(40), copy_from=source)
    copied, alone = packets_of(tmp_path / "clip.mp4", "audio"), packets_of(recording, "audio")
    assert len(copied) == 2 * len(alone)
    assert all(
        0 < later.pts - earlier.pts < Fraction(1, 10)
        for earlier, later in itertools.pairwise(copied)
    )


def test_times_that_are_one_sample_in_mp4_do_not_end_the_copy(
    tmp_path, recording, write, make_units, packets_of
) -> None:
    """Without repair the second part lies before the first: its sound follows sample by sample."""
    path = joined(tmp_path / "both.ts", recording, recording)
    write(tmp_path / "clip.mp4", make_units(40), copy_from=path)
    assert len(packets_of(tmp_path / "clip.mp4", "audio")) == 2 * len(
        packets_of(recording, "audio")
    )
