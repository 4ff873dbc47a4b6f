"""Decoded frames: pictures, and where every part of them comes from."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.container import StreamReader
from videocodec import PROVENANCE_NAMES, Frame, decode_frames
from videocodec.decoded import DecodedLatents
from videocodec.decoder.frames import PictureDecoder, batch_size_for
from videocodec.decoder.latents import LatentStream
from videocodec.provenance import PROVENANCE
from videocodec.restoration.base import IdentityRestoration, Restoration
from videocodec.restoration.settings import RestorationSettings


@pytest.fixture(scope="module")
def frames(coded_movie) -> list[Frame]:
    return list(decode_frames(coded_movie.coded, device="cpu", threads=1))


def test_frames_have_the_size_times_and_kinds_of_the_movie(frames: list[Frame]) -> None:
    assert [frame.index for frame in frames] == list(range(22))
    assert all(frame.data.shape == (3, 64, 96) and frame.data.dtype == np.uint8 for frame in frames)
    assert [frame.pts_seconds for frame in frames] == pytest.approx(
        [index / 25 for index in range(22)]
    )
    assert {frame.duration_seconds for frame in frames} == {0.04}
    assert [frame.index for frame in frames if frame.kind == "keyframe"] == [0, 10, 20]


def test_they_look_like_the_movie(frames: list[Frame], coded_movie) -> None:
    for frame, picture in zip(frames, coded_movie.frames, strict=True):
        error = np.mean((frame.data.transpose(1, 2, 0).astype(float) - picture) ** 2)
        assert error < 0.5 * picture.reshape(-1, 3).var(0).mean()


def test_provenance_is_an_index_into_the_names_for_every_latent(
    frames: list[Frame], coded_movie
) -> None:
    assert PROVENANCE_NAMES == ("transmitted", "predicted", "generated", "concealed")
    for frame, latents in zip(frames, LatentStream(coded_movie.coded).frames(), strict=True):
        assert (frame.provenance.shape, frame.provenance.dtype) == ((8, 12), np.uint8)
        for row, column in np.ndindex(8, 12):
            assert (
                PROVENANCE_NAMES[frame.provenance[row, column]]
                == PROVENANCE[latents.latent.fields.modes[row // 2, column // 2]]
            )
    assert np.all(frames[0].provenance == PROVENANCE_NAMES.index("transmitted"))
    assert any(np.any(frame.provenance == PROVENANCE_NAMES.index("predicted")) for frame in frames)


def test_provenance_covers_the_visible_picture_and_no_padding(generated_movie: Path) -> None:
    """100×60 pixels: 13×8 latents, in blocks of 2×2 that reach over its edge."""
    frames = list(decode_frames(generated_movie, device="cpu", threads=1))
    assert {frame.provenance.shape for frame in frames} == {(8, 13)}
    assert any(np.any(frame.provenance == PROVENANCE_NAMES.index("generated")) for frame in frames)


def test_bytes_of_all_frames_are_the_bytes_of_the_video(frames: list[Frame], coded_movie) -> None:
    video_bytes = sum(unit.size for unit in StreamReader(coded_movie.coded).index())
    assert sum(frame.bytes for frame in frames) == pytest.approx(video_bytes, rel=0.02)
    assert min(frame.bytes for frame in frames if frame.kind == "keyframe") > max(
        frame.bytes for frame in frames if frame.kind == "inter"
    )


def test_a_frame_checks_its_shape() -> None:
    with pytest.raises(ValueError, match=r"data must be \(3, H, W\) uint8, got shape \(4, 4, 3\)"):
        Frame(
            np.zeros((4, 4, 3), np.uint8),
            0.0,
            0.04,
            "inter",
            1,
            np.zeros((1, 1), np.uint8),
            0,
            0,
            1,
        )
    for provenance in (
        np.zeros((1, 2), np.uint8),
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 2), np.int64),
    ):
        with pytest.raises(ValueError, match=r"provenance must be \(2, 2\) uint8, got shape"):
            Frame(np.zeros((3, 9, 16), np.uint8), 0.0, 0.04, "inter", 1, provenance, 0, 0, 1)


def test_one_and_two_threads_give_the_same_pictures_within_tolerance(
    frames: list[Frame], coded_movie
) -> None:
    other = decode_frames(coded_movie.coded, device="cpu", threads=2)
    for a, b in zip(frames, other, strict=True):
        assert np.mean(np.abs(a.data.astype(int) - b.data)) <= 2


class Neighbours(Restoration):
    """Adds a number to the latents that says which frames it was shown."""

    def __init__(self, reach: int) -> None:
        self._reach, self.shown = reach, {}

    @property
    def reach(self) -> int:
        return self._reach

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        for position in range(first, first + count):
            near = window[max(0, position - self._reach) : position + self._reach + 1]
            self.shown[window[position].index] = [frame.index for frame in near]
        return IdentityRestoration().restore(window, first, count)


@pytest.mark.parametrize("reach", [0, 1, 3, 21, 40])
def test_restoration_sees_every_frame_once_with_all_its_neighbours(coded_movie, reach: int) -> None:
    restoration = Neighbours(reach)
    decoder = PictureDecoder(LatentStream(coded_movie.coded), "cpu", 1, restoration)
    decoder.runtime.decode = lambda latents, steps, height, width: np.zeros(
        (len(latents), height, width, 3), np.uint8
    )
    assert [frame.index for frame in decoder.frames()] == list(range(22))
    assert restoration.shown == {
        index: list(range(max(0, index - reach), min(22, index + reach + 1))) for index in range(22)
    }


def test_frames_are_decoded_only_so_far_ahead(coded_movie, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, taken = LatentStream(coded_movie.coded), []
    latents = stream.frames

    def counted(first: int, *, pictures: bool):
        for frame in latents(first, pictures=pictures):
            taken.append(frame.index)
            yield frame

    monkeypatch.setattr(stream, "frames", counted)
    monkeypatch.setattr("videocodec.decoder.frames.FRAMES_AHEAD", 4)
    frames = PictureDecoder(stream, "cpu", 1, Neighbours(1)).frames()
    for _ in range(5):
        next(frames)
    # Five and a neighbour, four that wait, and one in hand.
    assert 6 <= len(taken) <= 11
    frames.close()


@pytest.mark.parametrize("reach", [0, 2])
@pytest.mark.parametrize(
    ("first", "stop"), [(0, 1), (0, 22), (9, 11), (10, None), (13, 18), (21, 22), (3, 4)]
)
def test_a_part_is_what_the_whole_has_there(
    coded_movie, reach: int, first: int, stop: int | None
) -> None:
    """From the keyframe before it on, with neighbours from its own group of pictures at least."""
    restoration = Neighbours(reach)
    decoder = PictureDecoder(LatentStream(coded_movie.coded), "cpu", 1, restoration)
    decoder.runtime.decode = lambda latents, steps, height, width: np.repeat(
        np.repeat(
            latents.numpy()[:, 0, : -(-height // 8), : -(-width // 8), None].astype(np.uint8), 8, 1
        ),
        8,
        2,
    ).repeat(3, 3)
    whole = list(decoder.frames())
    part = list(decoder.frames(first, stop))
    assert [frame.index for frame in part] == list(range(first, 22 if stop is None else stop))
    for frame in part:
        assert (
            np.array_equal(frame.data, whole[frame.index].data)
            and frame.pts == whole[frame.index].pts
        )
        begin, end = frame.index // 10 * 10, min(22, frame.index // 10 * 10 + 10)
        assert {n for n in range(begin, end) if abs(n - frame.index) <= reach} <= set(
            restoration.shown[frame.index]
        )


def test_a_model_can_be_given_by_folder(coded_movie, tmp_path: Path, frames: list[Frame]) -> None:
    import shutil

    from videocodec.models.bundle import BUNDLES

    shutil.copytree(BUNDLES / "embedded", tmp_path / "elsewhere")
    first = next(
        decode_frames(coded_movie.coded, model=tmp_path / "elsewhere", device="cpu", threads=1)
    )
    assert np.array_equal(first.data, frames[0].data)


def test_a_decoder_says_whether_it_restores(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    assert PictureDecoder(stream, "cpu", 1, Neighbours(0)).restores
    assert not PictureDecoder(
        stream, "cpu", 1, settings=RestorationSettings(restore=False)
    ).restores


class TestBatches:
    """22 frames, with keyframes at 0, 10 and 20."""

    @staticmethod
    def batches(
        coded: Path, size: int, reach: int, monkeypatch: pytest.MonkeyPatch, **part: int
    ) -> list[list[int]]:
        """Frames that are restored together, and whether each comes with its neighbours."""
        seen: list[list[int]] = []

        class Spy(IdentityRestoration):
            def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
                indices = [frame.index for frame in window]
                assert indices == list(range(indices[0], indices[-1] + 1))
                assert indices[0] <= max(indices[first] // 10 * 10, indices[first] - reach)
                assert indices[-1] >= min(21, indices[first] + count - 1 + reach)
                assert len(indices) <= 2 * (size + reach)
                seen.append(indices[first : first + count])
                return super().restore(window, first, count)

        spy = Spy()
        spy.reach = reach
        monkeypatch.setattr("videocodec.decoder.frames.batch_size_for", lambda device, pixels: size)
        decoder = PictureDecoder(LatentStream(coded), "cpu", 1, spy)
        first, stop = part.get("first", 0), part.get("stop", 22)
        assert [frame.index for frame in decoder.frames(**part)] == list(range(first, stop))
        return seen

    @pytest.mark.parametrize("reach", [0, 1, 5])
    def test_they_are_counted_from_the_keyframe(self, coded_movie, reach: int, monkeypatch) -> None:
        batches = self.batches(coded_movie.coded, 4, reach, monkeypatch)
        sizes = [4, 4, 2, 4, 4, 2, 2]
        assert [len(batch) for batch in batches] == sizes
        assert [*itertools.chain(*batches)] == list(range(22))

    def test_a_part_is_decoded_in_the_same_ones(self, coded_movie, monkeypatch) -> None:
        assert self.batches(coded_movie.coded, 4, 1, monkeypatch, first=13, stop=16) == [
            [10, 11, 12, 13],
            [14, 15, 16, 17],
        ]

    @pytest.mark.parametrize("reach", [0, 2])
    def test_one_at_a_time_on_cpus(self, coded_movie, reach: int, monkeypatch) -> None:
        assert self.batches(coded_movie.coded, 1, reach, monkeypatch) == [
            [index] for index in range(22)
        ]

    def test_an_accelerator_gets_what_keeps_it_busy_and_fits_its_memory(self) -> None:
        cuda = torch.device("cuda")
        assert batch_size_for(torch.device("cpu"), 64 * 64) == 1
        assert (
            batch_size_for(cuda, 64 * 64),
            batch_size_for(cuda, 512 * 288),
            batch_size_for(cuda, 1920 * 1088),
        ) == (16, 16, 1)
