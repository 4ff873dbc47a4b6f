"""What a reader opens, how it is set, and what is left of it when it is closed."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from pathlib import Path

import pytest

from bitstream.errors import ContainerError
from videocodec import Frame, VideoReader
from videocodec.errors import ReaderClosedError
from videocodec.reader.core import ReaderCore
from videocodec.reader.opening import Opening
from videocodec.reader.wishes import Wishes

from .conftest import CPU, same


class TestSources:
    def test_paths_and_file_objects(self, coded_movie, sequential: list[Frame]) -> None:
        with open(coded_movie.coded, "rb") as file:
            for source in (
                str(coded_movie.coded),
                io.BytesIO(coded_movie.coded.read_bytes()),
                coded_movie.coded.read_bytes(),
                memoryview(coded_movie.coded.read_bytes()),
                file,
            ):
                with VideoReader(source, **CPU) as video:
                    assert same(video[12], sequential[12])
            assert not file.closed

    def test_a_file_that_is_replaced_meanwhile_stays_what_it_was(
        self, coded_movie, tmp_path: Path, sequential: list[Frame]
    ) -> None:
        path = tmp_path / "a.lv.mp4"
        path.write_bytes(coded_movie.coded.read_bytes())
        with VideoReader(path, read_ahead=False, **CPU) as video:
            other = tmp_path / "other"
            other.write_bytes(b"something else")
            other.replace(path)
            assert same(video[15], sequential[15])

    def test_what_is_no_latent_video_is_named(self, coded_movie, tmp_path: Path) -> None:
        with pytest.raises(ContainerError, match="none.mp4: no such file"):
            VideoReader(tmp_path / "none.mp4")
        with pytest.raises(ContainerError, match="is an ordinary video"):
            VideoReader(coded_movie.movie)
        with pytest.raises(ContainerError, match="the file object"):
            VideoReader(io.BytesIO(b"nothing"))


class TestSettings:
    def test_readers_of_one_file_share_what_is_the_same(self, reader: VideoReader) -> None:
        other = reader.with_settings(steps=3, restore=False)
        assert (other.settings.steps, other.settings.restore, other.settings.seed) == (3, False, 0)
        assert other.index is reader.index and other.bundle is reader.bundle
        reader.close()
        assert other[3].index == 3
        other.close()
        with pytest.raises(ReaderClosedError):
            other[3]

    @pytest.mark.parametrize("settings", [{"steps": 0}, {"seed": -1}, {"memory_limit": -1}])
    def test_impossible_ones_are_refused(self, coded_movie, settings: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="of at least"):
            VideoReader(coded_movie.coded, **settings)

    def test_metadata(self, reader: VideoReader, coded_movie) -> None:
        from videocodec import info

        told, known = reader.metadata, info(coded_movie.coded, headers_only=True)
        for name in (
            "width",
            "height",
            "frame_rate",
            "frames",
            "keyframes",
            "duration_seconds",
            "access_units",
            "video_bytes",
            "crf",
        ):
            assert getattr(told, name) == getattr(known, name), name
        assert (told.container_bytes, told.audio_tracks, told.preset) == (
            known.container_bytes,
            known.audio_tracks,
            known.preset,
        )
        assert (told.model, told.model_sha256) == (known.model["name"], known.model["sha256"])
        assert (told.latent_channels, told.latent_height, told.latent_width) == reader.latents[
            0
        ].shape
        assert told.damage is None


def test_a_reader_that_two_threads_close_is_counted_once(coded_movie) -> None:
    """Both may have seen it open: what the readers share is told twice, by the same number."""
    source = str(coded_movie.coded)
    core = ReaderCore(Opening(source, None, False, "cpu", 1, 1 << 20, False))
    core.open(1)
    core.open(2)
    core.close(1)
    core.close(1)
    assert core.file.read(4, 4) == b"ftyp"  # the second reader has it open
    core.close(2)
    with pytest.raises(ValueError, match="closed file"):
        core.file.read(4, 4)


def test_a_closed_reader_says_so_with_its_length(coded_movie) -> None:
    video = VideoReader(coded_movie.coded, **CPU)
    video.close()
    video.close()
    for use in (
        lambda: video[0],
        lambda: video[99],
        lambda: video[0:0],
        lambda: video.latents[0],
        lambda: video.get_frame_at(0),
        lambda: video.get_frame_at(99.0),
        lambda: video.get_frames_at([]),
        lambda: video.has_picture(0),
        lambda: list(video),
        video.with_settings,
    ):
        with pytest.raises(ReaderClosedError, match=r"this reader is closed \(it had 22 frames\)"):
            use()
    assert len(video) == 22 and video.metadata.frames == 22 and "closed" in repr(video)


@pytest.mark.parametrize("name", ["videocodec-reader", "videocodec-reader-pictures"])
def test_a_reader_that_is_collected_in_one_of_its_threads_ends_both(
    coded_movie, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the other one waits for at that moment."""
    video = VideoReader(coded_movie.coded, threads=2, device="cpu")
    cycle = [video]
    cycle.append(cycle)
    wishes = collected_in(name, monkeypatch)
    gc.disable()
    try:
        for number in (0, 1, 2):
            video[number]
        threads = [t for t in threading.enumerate() if t.name.startswith("videocodec-reader")]
        assert {name} <= {thread.name for thread in threads}
        gone = weakref.ref(video)
        del video, cycle
        wishes.set()
        for thread in threads:
            thread.join(20)
    finally:
        gc.enable()
    assert not any(thread.is_alive() for thread in threads)
    gc.collect()
    assert gone() is None


def collected_in(name: str, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """From when on a thread of that name collects what is unreachable, while it holds the lock."""
    begun, is_sound = threading.Event(), Wishes.is_sound

    def collecting(self: Wishes, frame: int) -> bool:
        if begun.is_set() and threading.current_thread().name == name:
            gc.collect()
        return is_sound(self, frame)

    monkeypatch.setattr(Wishes, "is_sound", collecting)
    return begun
