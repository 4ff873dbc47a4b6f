"""Pictures coded smaller than they are shown, through real encodes with the embedded model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec import VideoReader, decode, decode_frames, encode, info, verify
from videocodec.encoder.scale_choice import ScaleChoice, Trial, TrialGoal
from videocodec.errors import SettingsError
from videocodec.inspection.repair import repair
from videocodec.media.options import SourceOptions
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.post_filter import PostFilter
from videocodec.models.upscaling import Upscaling, save_upscaler
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.player.played import Settings
from videocodec.player.stream import PlayedStream
from videocodec.provenance import covering_latents
from videocodec.scaling import magnified

SETTINGS = {"crf": 40, "preset": "veryfast", "gop_size": 3, "model": "embedded", "device": "cpu"}
FULL, CODED = (75, 50), (56, 38)  # width and height


@pytest.fixture
def clip(tmp_path: Path, write_movie, panned) -> Path:
    """5 frames of 75×50."""
    return write_movie(tmp_path / "clip.mp4", panned(5, 50, 75, (0, 1)))


@pytest.fixture
def scaled(clip: Path, tmp_path: Path) -> Path:
    """The clip at three quarters."""
    report = encode(clip, tmp_path / "scaled.mp4", scale=0.75, **SETTINGS)
    assert (report.width, report.height) == FULL
    assert (report.coded_width, report.coded_height) == CODED
    return tmp_path / "scaled.mp4"


def test_info_says_both_sizes(scaled: Path) -> None:
    said = info(scaled)
    assert (said.width, said.height, said.coded_width, said.coded_height) == (*FULL, *CODED)
    assert said.damage is None and verify(scaled).ok


def test_every_way_to_decode_gives_the_full_size(scaled: Path, tmp_path: Path) -> None:
    frames = list(decode_frames(scaled, device="cpu"))
    for frame in frames:
        assert frame.data.shape == (3, FULL[1], FULL[0])
        assert frame.provenance.shape == covering_latents(FULL[1], FULL[0])
    with VideoReader(scaled, device="cpu") as reader:
        metadata = reader.metadata
        assert (metadata.width, metadata.height) == FULL
        assert (metadata.coded_width, metadata.coded_height) == CODED
        assert (reader[3].data == frames[3].data).all()
    decode(scaled, tmp_path / "out.mp4", provenance=tmp_path / "map.y4m", device="cpu")
    for name in ("out.mp4", "map.y4m"):
        with av.open(str(tmp_path / name)) as made:
            picture = next(made.decode(video=0))
            assert (picture.width, picture.height) == FULL


def test_the_coded_pictures_can_be_had(scaled: Path, tmp_path: Path) -> None:
    small = list(decode_frames(scaled, device="cpu", coded_size=True))
    large = list(decode_frames(scaled, device="cpu"))
    for coded, shown in zip(small, large, strict=True):
        assert coded.data.shape == (3, CODED[1], CODED[0])
        assert (
            magnified(coded.data.transpose(1, 2, 0), FULL).transpose(2, 0, 1) == shown.data
        ).all()
    with VideoReader(scaled, device="cpu", coded_size=True) as reader:
        assert (reader.metadata.width, reader.metadata.height) == CODED
        assert (reader[0].data == small[0].data).all()
    decode(scaled, tmp_path / "small.y4m", device="cpu", coded_size=True)
    assert (tmp_path / "small.y4m").read_bytes().startswith(b"YUV4MPEG2 W56 H38 ")


def test_frames_between_are_shown_at_full_size(scaled: Path) -> None:
    with VideoReader(scaled, device="cpu") as reader:
        between = reader.at_time(0.02, interpolate=True)
    assert between.kind == "interpolated"
    assert between.data.shape == (3, FULL[1], FULL[0])


def test_the_player_knows_both_sizes(scaled: Path) -> None:
    settings = Settings(restore=False, steps=1)
    with VideoReader(scaled, device="cpu") as reader:
        played = PlayedStream(scaled, reader, settings)
        try:
            clip, details = played.describe(), played.details(0)
        finally:
            played.close()
    assert (clip["width"], clip["height"], clip["coded"]) == (*FULL, list(CODED))
    assert details["magnified"] == [FULL[0] / CODED[0], FULL[1] / CODED[1]]
    assert details["covering"] == list(covering_latents(CODED[1], CODED[0]))


def test_the_picture_is_the_one_that_was_encoded(clip: Path, scaled: Path) -> None:
    """In its place: against neighbours that are shifted by a pixel it is farther off."""
    with VideoSource(clip) as source:
        first = next(iter(source)).rgb.astype(int)
    shown = next(decode_frames(scaled, device="cpu")).data.transpose(1, 2, 0).astype(int)

    def error(down: int, right: int) -> float:
        shifted = np.roll(shown, (down, right), (0, 1))
        return float(np.square(shifted - first)[8:-8, 8:-8].mean())

    assert error(0, 0) < min(error(1, 0), error(-1, 0), error(0, 1), error(0, -1))


def test_bytes_are_the_same_for_any_jobs(
    clip: Path, scaled: Path, tmp_path: Path, pool_here: None
) -> None:
    encode(clip, tmp_path / "jobs.mp4", scale=0.75, jobs=2, **SETTINGS)
    assert (tmp_path / "jobs.mp4").read_bytes() == scaled.read_bytes()


def test_full_size_is_as_without_the_option(clip: Path, tmp_path: Path) -> None:
    encode(clip, tmp_path / "plain.mp4", **SETTINGS)
    encode(clip, tmp_path / "one.mp4", scale="1", **SETTINGS)
    assert (tmp_path / "plain.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_a_repaired_file_shows_the_full_size(scaled: Path, tmp_path: Path) -> None:
    repair(scaled, tmp_path / "repaired.mp4")
    said = info(tmp_path / "repaired.mp4", headers_only=True)
    assert (said.width, said.height) == FULL


def test_auto_takes_what_the_trial_says(clip: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        "videocodec.encoder.scale_trial.chosen_scale",
        lambda trial, goal: ScaleChoice(0.5, 33, {0.75: 0.1, 0.5: 0.2}),
    )
    report = encode(clip, tmp_path / "auto.mp4", scale="auto", **SETTINGS)
    assert (report.coded_width, report.crf) == (38, 33)
    assert report.warnings == [
        "scale 0.5 was chosen: at equal quality a few frames take 10% fewer bytes at 0.75, 20%"
        " fewer bytes at 0.5"
    ]
    encode(clip, tmp_path / "half.mp4", scale=0.5, **SETTINGS | {"crf": 33})
    assert (tmp_path / "auto.mp4").read_bytes() == (tmp_path / "half.mp4").read_bytes()


def test_the_trial_measures_real_encodes(clip: Path, tmp_path: Path) -> None:
    """Detail that half the size cannot hold: full size at a fine quantiser."""
    report = encode(clip, tmp_path / "auto.mp4", scale="auto", **SETTINGS | {"crf": 4})
    assert (report.coded_width, report.crf) == (FULL[0], 4)
    encode(clip, tmp_path / "plain.mp4", **SETTINGS | {"crf": 4})
    assert (tmp_path / "auto.mp4").read_bytes() == (tmp_path / "plain.mp4").read_bytes()


def test_the_trial_sees_what_a_network_makes_of_half_the_size(
    clip: Path, tmp_path: Path, monkeypatch
) -> None:
    model = tmp_path / "embedded"
    shutil.copytree(ModelBundle.find("embedded").folder, model)
    save_upscaler(PictureUpscaler(UpscalerShape(width=8, blocks=1)), model)
    enlarged = []

    def black(self: Upscaling, decoded: np.ndarray, steps: np.ndarray) -> np.ndarray:
        enlarged.append(decoded.shape)
        return np.zeros((2 * decoded.shape[0], 2 * decoded.shape[1], 3), np.uint8)

    monkeypatch.setattr(Upscaling, "picture", black)
    found: dict[float, list[float]] = {}

    def choice(trial: Trial, goal: TrialGoal) -> ScaleChoice:
        for scale in (0.75, 0.5):
            found[scale] = [point.qualities[0] for point in trial(scale, [40])]
        return ScaleChoice(1, 40, {})

    monkeypatch.setattr("videocodec.encoder.scale_trial.chosen_scale", choice)
    encode(clip, tmp_path / "auto.mp4", scale="auto", **SETTINGS | {"model": model})
    assert enlarged and set(enlarged) == {(25, 38, 3)}
    assert found[0.5][0] < 15 < found[0.75][0]


def test_the_trial_sees_pictures_through_the_post_filter(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def black(self: PostFilter, decoded: np.ndarray, quantisers: np.ndarray) -> np.ndarray:
        return np.zeros_like(decoded)

    monkeypatch.setattr(PostFilter, "picture", black)
    found: list[float] = []

    def choice(trial: Trial, goal: TrialGoal) -> ScaleChoice:
        found.extend(trial(scale, [40])[0].qualities[0] for scale in (1, 0.75, 0.5))
        return ScaleChoice(1, 40, {})

    monkeypatch.setattr("videocodec.encoder.scale_trial.chosen_scale", choice)
    encode(clip, tmp_path / "auto.mp4", scale="auto", **SETTINGS | {"model": "second"})
    assert len(found) == 3 and max(found) < 15


def test_refusals(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="guard and scale exclude each other"):
        encode(clip, tmp_path / "out.mp4", scale=0.5, guard="psnr=20")
    with pytest.raises(SettingsError, match="scale must be auto or one of 1, 0.75, 0.5"):
        encode(clip, tmp_path / "out.mp4", scale=0.6)
    assert replace(SourceOptions(), scale=0.5).to_json()["scale"] == 0.5
    assert "scale" not in SourceOptions().to_json()
