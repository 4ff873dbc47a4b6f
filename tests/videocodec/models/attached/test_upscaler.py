"""The network for twice the size travels with the model that is attached to a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec import PROVENANCE_NAMES, VideoReader, decode_frames, encode, info, repair, verify
from videocodec.cli import main
from videocodec.models.upscaling import save_upscaler
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape

from .streams import CPU, Made, with_damage


@pytest.fixture
def enlarged(made: Made, tmp_path: Path) -> tuple[Path, list[np.ndarray]]:
    """A stream with a bundle attached that has such a network and is gone, and its pictures."""
    bundle, stream = tmp_path / "with-upscaler", tmp_path / "large.lv.mp4"
    shutil.copytree(made.kept, bundle)
    torch.manual_seed(0)
    network = PictureUpscaler(UpscalerShape(width=8, blocks=1))
    torch.nn.init.normal_(network.head.weight, std=0.05)
    save_upscaler(network, bundle)
    movie = made.stream.with_name("movie.mp4")
    encode(movie, stream, model=bundle, preset="ultrafast", embed_model=True, **CPU)
    frames = decode_frames(stream, model=bundle, scale=2, **CPU)
    pictures = [frame.data for frame in frames]
    shutil.rmtree(bundle)
    return stream, pictures


def test_the_file_alone_makes_the_same_large_pictures(
    enlarged: tuple[Path, list[np.ndarray]], made: Made
) -> None:
    stream, pictures = enlarged
    alone = [frame.data for frame in decode_frames(stream, scale=2, **CPU)]
    assert all(np.array_equal(one, other) for one, other in zip(alone, pictures, strict=True))
    interpolated = [frame.data for frame in decode_frames(made.stream, scale=2, **CPU)]
    assert not np.array_equal(alone[0], interpolated[0])
    with VideoReader(stream, scale=2, **CPU) as video:
        assert video.metadata.makes_up_detail
        assert {PROVENANCE_NAMES[code] for code in np.unique(video[0].provenance)} == {"generated"}


def test_info_says_that_it_is_there(
    enlarged: tuple[Path, list[np.ndarray]], made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    stream, _ = enlarged
    assert info(stream).upscaler_attached and not info(made.stream).upscaler_attached
    assert main(["info", str(stream)]) == 0
    assert "beside the video, its network for twice the size with it)" in capsys.readouterr().out


def test_damaged_it_is_said_and_done_without(
    enlarged: tuple[Path, list[np.ndarray]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream, pictures = enlarged
    broken = with_damage(
        stream, "upscaler/diffusion_pytorch_model.safetensors", tmp_path / "broken.lv.mp4"
    )
    line = "the attached model is damaged: its network for twice the size is not the one"
    assert verify(broken).problems[0].startswith(line)
    assert info(broken).model_attached_damage is not None
    words = ["decode", str(broken), str(tmp_path / "%02d.png"), "--scale=2", "--device=cpu"]
    assert main(words) == 0
    assert "interpolat" in capsys.readouterr().err
    made_of = [frame.data for frame in decode_frames(broken, scale=2, **CPU)]
    assert made_of[0].shape == pictures[0].shape and not np.array_equal(made_of[0], pictures[0])
    repair(broken, tmp_path / "repaired.lv.mp4")
    assert verify(tmp_path / "repaired.lv.mp4").problems == []


def test_a_copy_by_repair_keeps_it(enlarged: tuple[Path, list[np.ndarray]], tmp_path: Path) -> None:
    stream, pictures = enlarged
    repair(stream, tmp_path / "copy.lv.mp4")
    first = next(iter(decode_frames(tmp_path / "copy.lv.mp4", scale=2, **CPU)))
    assert np.array_equal(first.data, pictures[0])
