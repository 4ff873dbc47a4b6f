"""The post-filter travels with the model that is attached to a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec import VideoReader, decode_frames, encode, info, repair, verify
from videocodec.calibration.post_filter import integer_post_filter
from videocodec.cli import main
from videocodec.models.upscaling import save_upscaler
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape

from .streams import CPU, Made, with_damage


@pytest.fixture
def filtered(made: Made, tmp_path: Path) -> tuple[Path, list[np.ndarray]]:
    """A stream with a bundle attached that has a post-filter, and a network for twice the size, and
    is gone, and its pictures.
    """
    bundle, stream = tmp_path / "with-filter", tmp_path / "filtered.lv.mp4"
    shutil.copytree(made.kept, bundle)
    torch.manual_seed(0)
    network = PostFilterNetwork(PostFilterShape(8, 2))
    torch.nn.init.normal_(network.last.weight, std=0.02)
    integer_post_filter(network).save(bundle)
    save_upscaler(PictureUpscaler(UpscalerShape(width=8, blocks=1)), bundle)
    movie = made.stream.with_name("movie.mp4")
    encode(movie, stream, model=bundle, preset="veryfast", embed_model=True, **CPU)
    pictures = [frame.data for frame in decode_frames(stream, model=bundle, **CPU)]
    shutil.rmtree(bundle)
    return stream, pictures


def check(stream: Path, expected: list[np.ndarray]) -> None:
    """That a file alone makes these pictures."""
    alone = [frame.data for frame in decode_frames(stream, **CPU)]
    assert all(np.array_equal(one, other) for one, other in zip(alone, expected, strict=True))


def test_the_file_alone_makes_the_same_filtered_pictures(
    filtered: tuple[Path, list[np.ndarray]], made: Made
) -> None:
    stream, pictures = filtered
    check(stream, pictures)
    assert not np.array_equal(pictures[0], made.frames[0])
    with VideoReader(stream, **CPU) as video:
        assert video.metadata.has_post_filter
    check(made.stream, made.frames)  # where none is attached


def test_info_says_that_it_is_there(
    filtered: tuple[Path, list[np.ndarray]], made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    stream, _ = filtered
    told = info(stream)
    assert told.post_filter_attached and told.upscaler_attached
    assert not info(made.stream).post_filter_attached
    assert main(["info", str(stream)]) == 0
    said = "beside the video, its post-filter and its network for twice the size with it)"
    assert said in capsys.readouterr().out
    assert main(["info", str(stream), "--json"]) == 0
    assert '"post_filter_attached": true' in capsys.readouterr().out


def test_damaged_it_is_said_and_done_without(
    filtered: tuple[Path, list[np.ndarray]], made: Made, tmp_path: Path
) -> None:
    stream, _ = filtered
    broken = with_damage(stream, "post_filter/post_filter.safetensors", tmp_path / "broken.lv.mp4")
    repaired = tmp_path / "repaired.lv.mp4"
    line = "the attached model is damaged: its post-filter is not the one that was attached"
    assert verify(broken).problems == [line]
    assert info(broken).model_attached_damage is not None
    check(broken, made.frames)
    repair(broken, repaired)
    told = info(repaired)
    assert verify(repaired).problems == [] and told.upscaler_attached
    assert not told.post_filter_attached


def test_a_copy_by_repair_keeps_it(filtered: tuple[Path, list[np.ndarray]], tmp_path: Path) -> None:
    stream, pictures = filtered
    repair(stream, tmp_path / "copy.lv.mp4")
    check(tmp_path / "copy.lv.mp4", pictures)
