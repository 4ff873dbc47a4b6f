"""Packs, and the crops that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from videocodec.errors import InputError
from videocodec.training.randomness import Randomness
from videocodec.training.second import crops, pack
from videocodec.training.second.batches import Ahead, make_batch, on_device
from videocodec.training.second.collect import Collection, collect, scene
from videocodec.training.second.crops import Mixture, as_filmed, make_crop, subsampled
from videocodec.training.second.graphics import draw_graphics
from videocodec.training.second.pack import Entry, Kind, PackedPictures


class TestPack:
    def test_what_was_written_is_read(self, data: Path) -> None:
        pictures = pack.read(data)
        counts = [len(found) for found in vars(pictures).values()]
        assert counts == [2, 4, 1, 1]
        assert pictures.frames[0].shape == (192, 208, 3)
        assert pack.count_kinds(pack.read_entries(data)) == {
            "photograph": 2,
            "frame": 4,
            "held_out_photograph": 1,
            "held_out_frame": 1,
        }

    def test_frames_held_out_are_kept_without_loss_and_colours_in_their_order(
        self, tmp_path: Path
    ) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        pack.write([pack.encoded(picture, Kind.HELD_OUT_FRAME, 50)], tmp_path / "pack")
        (found,) = pack.read(tmp_path / "pack").held_out_frames
        assert np.array_equal(found, picture[..., ::-1])

    def test_a_file_that_is_none_or_cut_off_is_refused_in_one_line(
        self, data: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "text").write_text("no pack")
        (tmp_path / "short").write_bytes(data.read_bytes()[:-5])
        (tmp_path / "head").write_bytes(data.read_bytes()[:12])
        for name, message in {
            "text": "no pack: make one",
            "short": "bytes, .* expected: copy it again",
            "head": "not a readable pack",
            "absent": "not a readable pack",
        }.items():
            with pytest.raises(InputError, match=f"{name}: .*{message}|{name}: {message}"):
                pack.read(tmp_path / name)

    def test_half_of_what_fits_are_frames_and_all_that_is_held_out(self) -> None:
        sizes = {Kind.PHOTOGRAPH: 100, Kind.FRAME: 10, Kind.HELD_OUT_FRAME: 50}
        entries = [Entry(kind, bytes(size)) for kind, size in sizes.items() for _ in range(40)]
        chosen = pack.within(entries, 2600)
        counts = pack.count_kinds(chosen)
        assert (counts["held_out_frame"], counts["frame"], counts["photograph"]) == (40, 30, 3)
        assert sum(len(entry.data) for entry in chosen) == 2600
        few_frames = [e for e in entries if e.kind is not Kind.FRAME] + entries[40:42]
        assert pack.count_kinds(pack.within(few_frames, 2600))["photograph"] == 5


class TestCollecting:
    @pytest.fixture(scope="class")
    @classmethod
    def folders(cls, tmp_path_factory, write_movie: Callable, panned: Callable, texture) -> Path:
        folder = tmp_path_factory.mktemp("sources")
        for name in ("clips", "photographs", "validation"):
            (folder / name).mkdir()
        for name in ("a_1", "a_2", "b_1"):
            write_movie(folder / "clips" / f"{name}.mp4", panned(5, 192, 208, (1, 1)))
        (folder / "clips" / "broken.mp4").write_bytes(b"no video")
        for index in range(4):
            cv2.imwrite(str(folder / "photographs" / f"{index}.png"), texture(400, 640, index))
        cv2.imwrite(str(folder / "photographs" / "small.png"), texture(100, 100, 9))
        cv2.imwrite(str(folder / "validation" / "frame.png"), texture(200, 200, 8))
        return folder

    def test_photographs_are_shrunk_and_every_so_manieth_frame_is_taken(
        self, folders: Path
    ) -> None:
        what = Collection([folders / "photographs"], [folders / "clips"], every=2, side=288)
        entries = list(collect(what))
        shapes = {pack.decoded_entry(e).shape for e in entries if e.kind is Kind.PHOTOGRAPH}
        assert shapes == {(288, 461, 3)}
        assert pack.count_kinds(entries) == {
            "photograph": 3,
            "frame": 3,  # of scene b: frames 0, 2, 4
            "held_out_photograph": 1,
            "held_out_frame": 2,  # of scene a: the first of each clip
        }

    def test_a_folder_of_frames_takes_the_place_of_scenes_held_out(self, folders: Path) -> None:
        what = Collection(
            [folders / "photographs"], [folders / "clips"], folders / "validation", every=2
        )
        counts = pack.count_kinds(collect(what))
        assert (counts["frame"], counts["held_out_frame"]) == (9, 1)

    def test_clips_of_one_scene_are_called_alike(self) -> None:
        assert [scene(Path(name)) for name in ("face_1.mp4", "face_2_x.mp4", "news.mp4")] == [
            "face",
            "face",
            "news",
        ]

    def test_nothing_to_collect_is_refused_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="0 photographs and 0 clips: needs some of both"):
            list(collect(Collection([tmp_path], [tmp_path])))


class TestCrops:
    def pictures(self) -> PackedPictures:
        """Photographs are red, frames blue."""
        red, blue = (np.zeros((100, 140, 3), np.uint8) for _ in range(2))
        red[..., 0] = blue[..., 2] = 255
        return PackedPictures([red], [blue], [], [])

    def test_frames_are_at_least_half(self) -> None:
        rng, counts = np.random.default_rng(0), {"frames": 0, "photographs": 0, "others": 0}
        for _ in range(400):
            crop = make_crop(self.pictures(), 64, Mixture(), rng)
            assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
            colour = crop.reshape(-1, 3).mean(0)
            kind = "frames" if colour[2] > 200 else "photographs" if colour[0] > 200 else "others"
            counts[kind] += 1
        assert counts["frames"] > 210
        assert counts["photographs"] > 100
        assert 5 < counts["others"] < 45

    def test_without_frames_photographs_take_their_place_and_the_other_way_round(self) -> None:
        rng, one = np.random.default_rng(0), self.pictures()
        for pictures in (
            PackedPictures(one.photographs, [], [], []),
            PackedPictures([], one.frames, [], []),
        ):
            assert make_crop(pictures, 64, Mixture(0.5, 0.0), rng).shape == (64, 64, 3)

    def test_a_picture_smaller_than_the_crop_is_enlarged(self) -> None:
        crop = crops.cut_square(np.full((50, 200, 3), 7, np.uint8), 64, np.random.default_rng(0))
        assert crop.shape == (64, 64, 3) and (crop == 7).all()

    def test_colour_loses_its_resolution_and_luma_does_not(self) -> None:
        grey = np.zeros((32, 32, 3), np.uint8)
        grey[::2] = 200
        assert np.abs(subsampled(grey).astype(int) - grey).max() <= 2
        red = np.zeros((32, 32, 3), np.uint8)
        red[:, ::2, 0] = 200
        assert np.abs(subsampled(red).astype(int)[..., 2] - red[..., 2]).max() > 20

    def test_photographs_become_softer(self, texture: Callable) -> None:
        rng, photograph = np.random.default_rng(1), texture(96, 96, 0)
        sharpness = lambda p: float(cv2.Laplacian(p, cv2.CV_32F).var())
        softened = [sharpness(as_filmed(photograph, rng)) for _ in range(10)]
        assert np.mean(softened) < 0.9 * sharpness(photograph)

    def test_graphics_are_of_many_kinds(self) -> None:
        rng = np.random.default_rng(0)
        drawn = [draw_graphics(96, rng) for _ in range(40)]
        assert all(p.shape == (96, 96, 3) and p.dtype == np.uint8 for p in drawn)
        assert np.std([p.mean() for p in drawn]) > 20
        assert sum(len(np.unique(p)) > 30 for p in drawn) > 10


class TestBatches:
    def make(self, data: Path) -> Callable[[int], torch.Tensor]:
        pictures = pack.read(data)
        return lambda step: make_batch(pictures, 3, 64, Mixture(), Randomness(5), step)

    def test_they_are_the_same_with_any_number_of_threads(self, data: Path) -> None:
        taken = []
        for workers in (0, 1, 3):
            with Ahead(self.make(data), first=4, workers=workers) as batches:
                taken.append([batches.take() for _ in range(5)])
        assert all(
            torch.equal(a, b) for one in taken[1:] for a, b in zip(taken[0], one, strict=True)
        )
        assert not torch.equal(taken[0][0], taken[0][1])

    def test_an_error_of_a_thread_arrives(self) -> None:
        def fail(step: int) -> torch.Tensor:
            raise ValueError("broken")

        with Ahead(fail, 0, 2) as batches, pytest.raises(ValueError, match="broken"):
            batches.take()

    def test_networks_get_them_in_their_range(self) -> None:
        batch = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 8, 8, 3)
        moved = on_device(batch.contiguous(), torch.device("cpu"))
        assert moved.shape == (2, 3, 8, 8)
        assert moved.amin((1, 2, 3)).tolist() == [-1, 1]
