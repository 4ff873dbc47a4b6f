"""Encoder settings: checked when made, and what they mean in quantiser indices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitstream.v1.quantiser import QUANTISER_COUNT, step_latent
from videocodec.encoder.settings import (
    MAX_CRF,
    PRESETS,
    EncoderSettings,
    Looks,
    Tune,
    checked_tune,
)
from videocodec.regions import Region


@pytest.mark.parametrize("crf", [-1, 64, 28.0, True, "28", None])
def test_crf_is_a_whole_number_from_0_to_63(crf: object) -> None:
    with pytest.raises(ValueError, match=r"crf must be a whole number 0\.\.63, got"):
        EncoderSettings(crf=crf)


@pytest.mark.parametrize("gop_size", [0, -1, 65536, 12.5, True])
def test_gop_size_is_what_the_header_can_hold(gop_size: object) -> None:
    with pytest.raises(ValueError, match=r"gop_size must be a whole number 1\.\.65535, got"):
        EncoderSettings(gop_size=gop_size)


def test_an_unknown_preset_lists_the_choices() -> None:
    with pytest.raises(
        ValueError, match="preset must be one of ultrafast, superfast, .*, placebo, got 'quick'"
    ):
        EncoderSettings(preset="quick")


@pytest.mark.parametrize("group_size", [0, 17])
def test_a_group_fits_an_access_unit(group_size: int) -> None:
    with pytest.raises(ValueError, match=r"group_size must be a whole number 1\.\.16"):
        EncoderSettings(group_size=group_size)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_stands_for_an_effort(preset: str) -> None:
    assert 0 <= EncoderSettings(preset=preset).effort.flow_preset <= 2


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_looks_for_nothing(preset: str) -> None:
    """The last look of the encoder's own judge changes no aim."""
    looks = EncoderSettings(preset=preset).tuned_looks
    assert looks.keyframes > 1 and looks.others != 1


def test_effort_follows_the_preset_of_changed_settings() -> None:
    changed = replace(EncoderSettings(preset="slow"), preset="superfast")
    assert changed.effort == EncoderSettings(preset="superfast").effort
    assert changed.effort != EncoderSettings(preset="slow").effort


def test_effort_override_outlives_a_change_of_preset() -> None:
    thorough = replace(EncoderSettings().effort, looks=Looks(3))
    settings = EncoderSettings(preset="fast", effort_override=thorough)
    assert settings.effort == replace(settings, preset="slow").effort == thorough


def test_twelve_steps_of_crf_double_the_quantiser_step() -> None:
    fine, coarse = (step_latent(EncoderSettings(crf=crf).inter_quantiser) for crf in (20, 32))
    assert coarse == 2 * fine


@pytest.mark.parametrize("crf", [0, 5, 28, MAX_CRF])
def test_every_index_is_one_the_format_has(crf: int) -> None:
    assert 0 <= EncoderSettings(crf=crf).inter_quantiser < QUANTISER_COUNT


def test_settings_cannot_be_changed_behind_the_encoders_back() -> None:
    with pytest.raises(AttributeError):
        EncoderSettings().crf = 3


def test_frames_carry_motion_alone_where_nobody_asks_for_finer_squares() -> None:
    settings = EncoderSettings(preset="ultrafast")
    assert settings.bare_heights(2) > 0
    region = Region(0, 0, 8, 8, -6)
    for other in (replace(settings, guard="psnr=30"), replace(settings, regions=(region,))):
        assert other.bare_heights(2) == 0
    assert settings.bare_heights(1) == EncoderSettings().bare_heights(2) == 0


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_error_is_one(share: float) -> None:
    with pytest.raises(ValueError, match="generation must be 0..1"):
        EncoderSettings(generation=share)


def test_an_unknown_tune_lists_the_choices() -> None:
    with pytest.raises(ValueError, match="tune must be one of none, balanced, .*, got 'film'"):
        EncoderSettings(tune="film")


@pytest.mark.parametrize(
    ("tune", "preset", "version", "expected"),
    [
        (None, "medium", 2, "balanced"),
        (None, "placebo", 2, "balanced"),
        (None, "fast", 2, "none"),
        (None, "medium", 1, "none"),
        ("ssim", "ultrafast", 1, "ssim"),
        ("none", "medium", 2, "none"),
    ],
)
def test_pictures_are_tuned_where_it_is_asked_for_or_the_usual(
    tune: Tune | None, preset: str, version: int, expected: str
) -> None:
    assert EncoderSettings(tune=tune, preset=preset).tune_for(version) == expected


def test_a_tune_that_is_asked_for_is_looked_for() -> None:
    for preset in PRESETS:
        assert EncoderSettings(preset=preset, tune="psnr").tuned_looks.keyframes > 0


def test_weights_and_tunes_go_together_or_exclude_each_other() -> None:
    assert checked_tune(None, brings_weights=False) is None
    assert checked_tune(None, brings_weights=True) == "perceptual"
    assert checked_tune("perceptual", brings_weights=True) == "perceptual"
    with pytest.raises(ValueError, match="tune perceptual needs weights"):
        checked_tune("perceptual", brings_weights=False)
    with pytest.raises(ValueError, match="tune ssim and perceptual weights exclude each other"):
        checked_tune("ssim", brings_weights=True)


def test_layers_are_coarser_by_version_and_length_of_the_group() -> None:
    settings = EncoderSettings()
    assert [settings.layer_offset(layer, 16, 1) for layer in range(6)] == [0, 5, 9, 12, 14, 14]
    assert [settings.layer_offset(layer, 16, 2) for layer in range(6)] == [0, 7, 12, 16, 18, 18]
    assert [settings.layer_offset(layer, 8, 2) for layer in range(4)] == [0, 9, 13, 15]


def test_layer_offsets_that_are_given_hold_everywhere() -> None:
    settings = EncoderSettings(layer_offsets=(1, 2))
    assert [settings.layer_offset(layer, 4, 2) for layer in range(3)] == [1, 2, 2]
    assert settings.layer_offset(1, 16, 1) == 2
