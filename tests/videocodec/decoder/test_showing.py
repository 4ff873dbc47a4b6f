"""Pictures larger than coded: by a network that makes up the detail, which is said everywhere, or
by interpolation.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from videocodec import VideoReader, decode, decode_frames, encode
from videocodec.cli import main
from videocodec.decoder.latents import LatentStream
from videocodec.errors import SettingsError
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import UPSCALER
from videocodec.models.upscaling import save_upscaler
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.player.opening import DecodingOptions, opened_files
from videocodec.player.played import Settings
from videocodec.provenance import PROVENANCE_NAMES, covering_latents
from videocodec.scaling import magnified

CPU = {"device": "cpu", "threads": 1}
CODED, TWICE = (75, 50), (150, 100)  # width and height
GENERATED = PROVENANCE_NAMES.index("generated")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """``second`` without a head, and with one of random weights."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("plain", "large"):
        shutil.copytree(ModelBundle.find("second").folder, folder / name / "second")
        shutil.rmtree(folder / name / "second" / UPSCALER, ignore_errors=True)
    torch.manual_seed(0)
    head = PictureUpscaler(UpscalerShape(width=8, blocks=1))
    torch.nn.init.normal_(head.head.weight, std=0.05)
    save_upscaler(head, folder / "large" / "second")
    return {name: folder / name / "second" for name in ("plain", "large")}


@pytest.fixture(scope="module")
def clip(
    tmp_path_factory: pytest.TempPathFactory,
    panned: Callable[..., list[np.ndarray]],
    write_movie: Callable[..., Path],
) -> Path:
    """3 frames of 75×50."""
    return write_movie(tmp_path_factory.mktemp("clip") / "clip.mp4", panned(3, 50, 75, (0, 1)))


@pytest.fixture(scope="module")
def coded(clip: Path, models: dict[str, Path]) -> Path:
    target = clip.with_name("clip.lv.mp4")
    encode(clip, target, crf=40, preset="ultrafast", model=models["plain"], **CPU)
    return target


def test_without_a_head_pictures_are_interpolated_and_a_note_says_so(
    coded: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    options = {"model": models["plain"], **CPU}
    usual, large = (list(decode_frames(coded, scale=scale, **options)) for scale in (1, 2))
    for small, shown in zip(usual, large, strict=True):
        picture = magnified(small.data.transpose(1, 2, 0), TWICE)
        assert (shown.data == picture.transpose(2, 0, 1)).all()
        assert shown.provenance.shape == covering_latents(*TWICE[::-1])
        assert GENERATED not in shown.provenance
    report = decode(coded, tmp_path / "out.mp4", scale=2, **options)
    assert report.notes == [
        "enlarged by bicubic interpolation: model second has no network for twice the size"
    ]
    assert "generated" not in comment(tmp_path / "out.mp4")


def test_a_head_makes_other_pictures_and_all_of_them_is_generated(
    coded: Path, models: dict[str, Path]
) -> None:
    frames = list(decode_frames(coded, model=models["large"], scale=2, **CPU))
    plain = list(decode_frames(coded, model=models["plain"], scale=2, **CPU))
    assert [frame.kind for frame in frames] == [frame.kind for frame in plain]
    for frame, other in zip(frames, plain, strict=True):
        assert frame.data.shape == (3, *TWICE[::-1]) and (frame.data != other.data).any()
        assert frame.provenance.shape == covering_latents(*TWICE[::-1])
        assert (frame.provenance == GENERATED).all()
    usual = next(iter(decode_frames(coded, model=models["large"], **CPU)))
    assert usual.data.shape == (3, *CODED[::-1]) and GENERATED not in usual.provenance


def test_readers_give_the_same_pictures_in_any_order(coded: Path, models: dict[str, Path]) -> None:
    frames = list(decode_frames(coded, model=models["large"], scale=2, **CPU))
    with VideoReader(coded, model=models["large"], scale=2, **CPU) as video:
        metadata = video.metadata
        assert (metadata.width, metadata.height) == TWICE
        assert (metadata.coded_width, metadata.coded_height) == CODED
        assert metadata.makes_up_detail
        for number in (2, 0, 1):
            assert np.abs(video[number].data.astype(int) - frames[number].data).max() <= 1
            assert (video[number].provenance == GENERATED).all()


def test_files_say_what_is_made_up(coded: Path, models: dict[str, Path], tmp_path: Path) -> None:
    target, drawn = tmp_path / "out.mp4", tmp_path / "map.mp4"
    report = decode(coded, target, scale=2, model=models["large"], provenance=drawn, **CPU)
    assert report.notes == []
    for file in (target, drawn):
        assert comment(file).startswith("AI-reconstructed (https://cv.iptc.org/")
        assert "twice as large as it was coded with the detail beyond that generated" in comment(
            file
        )
        with av.open(str(file)) as container:
            picture = next(container.decode(video=0))
            assert (picture.width, picture.height) == TWICE


def test_a_smaller_coded_picture_can_be_had_at_twice_its_size(
    clip: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    half = tmp_path / "half.lv.mp4"
    model = models["large"]
    encode(clip, half, crf=40, scale=0.5, preset="ultrafast", model=model, **CPU)
    small = LatentStream(half, model).header
    assert LatentStream(half, model).makes_up_detail  # shown at full size, too
    (made, *_) = decode_frames(half, model=model, scale=2, coded_size=True, **CPU)
    assert made.data.shape == (3, 2 * small.height, 2 * small.width)
    (shown, *_) = decode_frames(half, model=model, scale=2, **CPU)
    larger = magnified(made.data.transpose(1, 2, 0), TWICE)
    assert (shown.data == larger.transpose(2, 0, 1)).all()


def test_a_smaller_coded_picture_is_shown_by_the_network_at_half_the_size_alone(
    clip: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    for scale, made_up in ((0.5, True), (0.75, False)):
        coded = tmp_path / f"{scale}.lv.mp4"
        encode(clip, coded, crf=40, scale=scale, preset="ultrafast", model=models["plain"], **CPU)
        by_network, plain = (
            next(decode_frames(coded, model=models[name], **CPU)) for name in ("large", "plain")
        )
        assert by_network.data.shape == plain.data.shape == (3, *CODED[::-1])
        assert (by_network.data != plain.data).any() == made_up
        assert (by_network.provenance == GENERATED).all() == made_up
        assert GENERATED not in plain.provenance
        with VideoReader(coded, model=models["large"], **CPU) as video:
            assert video.metadata.makes_up_detail == made_up
            assert (video[0].data == by_network.data).all()


def test_exact_pictures_do_without_the_network(
    coded: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    frames, plain = (
        list(decode_frames(coded, model=models[name], scale=2, pictures="exact", **CPU))
        for name in ("large", "plain")
    )
    for frame, other in zip(frames, plain, strict=True):
        assert (frame.data == other.data).all() and GENERATED not in frame.provenance
    options = {"scale": 2, "model": models["large"], **CPU}
    report = decode(coded, tmp_path / "exact.mp4", pictures="exact", **options)
    assert report.pictures == "exact" and "generated" not in comment(tmp_path / "exact.mp4")
    assert report.notes == [
        "enlarged by bicubic interpolation: exact pictures do without the network for twice the"
        " size"
    ]
    report = decode(coded, tmp_path / "auto.mp4", **options)
    assert report.pictures == "float" and "exact" not in comment(tmp_path / "auto.mp4")


@pytest.mark.parametrize("scale", [0, 3, 0.5, "2", True])
def test_other_scales_are_refused(coded: Path, scale: object) -> None:
    with pytest.raises(SettingsError, match="scale must be 1 or 2 when decoding, got"):
        LatentStream(coded, scale=scale)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="scale must be 1 or 2"):
        VideoReader(coded, scale=scale, **CPU)  # type: ignore[arg-type]


def test_the_command_takes_it(
    coded: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["decode", coded, tmp_path / "a.y4m", "--scale", 2, "--model", models["plain"]]
    assert main([str(word) for word in [*words, "--json"]]) == 0
    said = capsys.readouterr()
    assert "note" in said.err and "enlarged by bicubic interpolation" in said.err
    assert json.loads(said.out)["notes"]
    assert (tmp_path / "a.y4m").read_bytes().startswith(b"YUV4MPEG2 W150 H100 ")


def test_a_player_shows_it_and_says_so(coded: Path, models: dict[str, Path]) -> None:
    settings = Settings(restore=True, steps=1)
    options = DecodingOptions(models["large"], device="cpu", threads=1, scale=2)
    with opened_files([coded], settings, options) as (file,):
        described = file.describe()
        assert (described["width"], described["height"]) == TWICE
        assert described["coded"] == list(CODED) and described["makes_up_detail"] is True
        assert file.rgb(1, settings).shape == (*TWICE[::-1], 3)
        assert b"detail beyond that generated" in file.png(1, settings)
        found = np.frombuffer(base64.b64decode(str(file.details(1)["provenance"])), np.uint8)
        assert (found == GENERATED).all()
    options = DecodingOptions(models["large"], device="cpu", threads=1)
    with opened_files([coded], settings, options) as (usual,):
        assert usual.describe()["makes_up_detail"] is False
        found = np.frombuffer(base64.b64decode(str(usual.details(1)["provenance"])), np.uint8)
        assert GENERATED not in found


def comment(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.metadata["comment"]
