"""More than 8 bits, HDR and alpha: what becomes of them, and that it is said."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bitstream.container import Labels
from videocodec.conversions import as_comment, from_comment
from videocodec.errors import SettingsError, UnsupportedInputError
from videocodec.media.colour import SDR, TRANSFER_HLG, TRANSFER_PQ
from videocodec.media.dithering import dithered
from videocodec.media.options import colour_of
from videocodec.media.source import SourceOptions, VideoSource
from videocodec.media.tone_mapping import (
    SDR_WHITE,
    ToneMapper,
    compressed,
    hlg_to_scene,
    light_to_pq,
    pq_to_light,
)

from .conftest import picture, read

TO_SDR = SourceOptions(to_sdr=True)


def test_dithering_keeps_what_8_bits_hold_and_the_mean_of_what_they_do_not() -> None:
    exact = np.arange(256, dtype=np.uint16).repeat(3).reshape(16, 16, 3) * 257
    assert (dithered(exact) == exact // 257).all()
    for level in (1, 20_000, 33_333, 65_534):
        flat = np.full((64, 64, 3), level, np.uint16)
        found = dithered(flat)
        assert abs(found.mean() - level / 257) <= 1 / 64
        assert found.max() - found.min() <= 1


@pytest.mark.parametrize(
    ("codec", "pixel_format", "bits"),
    [("libx264", "yuv420p10le", 10), ("ffv1", "gray16le", 16), ("ffv1", "gbrp12le", 12)],
)
def test_more_than_eight_bits_are_dithered_and_said(make_clip, codec, pixel_format, bits) -> None:
    path = make_clip("deep.mkv", codec=codec, pixel_format=pixel_format)
    source, frames = read(path)
    assert source.conversions == source.notes == [f"{bits} bits per sample are dithered to 8"]
    expected = picture(64, 48, 2).astype(float)
    if pixel_format == "gray16le":
        expected = np.repeat((expected @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1)
    assert np.abs(frames[2].rgb - expected).mean() < 2


def test_a_gradient_in_ten_bits_has_no_bands(make_clip) -> None:
    ramp = np.linspace(100 * 257, 104 * 257, 256).astype(np.uint16)
    found = dithered(np.broadcast_to(ramp[None, :, None], (64, 256, 3)))
    columns = found.mean(axis=(0, 2))
    smooth = columns.reshape(-1, 8).mean(axis=1)
    assert np.abs(smooth - (ramp / 257).reshape(-1, 8).mean(axis=1)).max() < 1 / 8


def test_curves_are_those_of_the_recommendations() -> None:
    # BT.2100: PQ 0.5081 is about 100 cd/m², 0.7518 is 1000 cd/m²; HLG 0.5 is 1/12 of scene light
    assert pq_to_light(np.array([0.0, 0.5081, 0.7518, 1.0])) == pytest.approx(
        [0, 100, 1000, 10000], rel=2e-3, abs=1e-6
    )
    light = np.array([0.5, 90.0, 203.0, 4000.0])
    assert pq_to_light(light_to_pq(light)) == pytest.approx(light)
    assert hlg_to_scene(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 1 / 12, 1], abs=1e-6)


def test_the_curve_keeps_dark_tones_and_ends_at_white() -> None:
    light = np.array([0.0, 1.0, 30.0, 80.0, 203.0, 600.0, 1000.0])
    bent = compressed(light, 1000.0)
    assert bent[:4] == pytest.approx(light[:4], abs=1e-3)
    assert (np.diff(bent) > 0).all() and bent[-1] == pytest.approx(SDR_WHITE, rel=1e-3)


@pytest.mark.parametrize("transfer", [TRANSFER_PQ, TRANSFER_HLG])
def test_grey_stays_grey_and_grows_with_light(transfer) -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16)
    found = ToneMapper(transfer)(np.broadcast_to(ramp[None, :, None], (2, 512, 3)))[0].astype(int)
    assert np.ptp(found, axis=-1).max() <= 65535 // 255
    assert (np.diff(found[:, 1]) >= 0).all() and found[0, 1] == 0 and found[-1, 1] > 65000


@pytest.mark.parametrize(("transfer", "name"), [(TRANSFER_PQ, "PQ"), (TRANSFER_HLG, "HLG")])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_hdr_is_refused_or_tone_mapped(make_clip, transfer, name, pixel_format) -> None:
    path = make_clip(transfer=transfer, pixel_format=pixel_format, matrix=9, convert_as=9)
    with pytest.raises(UnsupportedInputError, match=f"HDR .{name}.*--to-sdr"):
        VideoSource(path)
    source, frames = read(path, options=TO_SDR)
    assert source.colour == SDR
    assert source.conversions[-1] == (
        f"HDR ({name}, up to 1000 cd/m²) is tone-mapped to SDR (BT.709)"
    )
    assert len(frames) == 5 and frames[0].rgb.std() > 10


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.mov", "png", "rgba"), ("a.mkv", "ffv1", "yuva420p"), ("a.mov", "png", "rgba64be")],
)
def test_alpha_is_flattened_onto_the_background(make_clip, name, codec, pixel_format) -> None:
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:24] = 255
    rgba = np.dstack([picture(64, 48), alpha])
    path = make_clip(name, [rgba] * 2, codec=codec, pixel_format=pixel_format)
    with pytest.raises(UnsupportedInputError, match=r"alpha.*--background"):
        VideoSource(path)
    source, frames = read(path, options=SourceOptions(background=(0, 0, 255)))
    assert np.abs(frames[1].rgb[:22].astype(int) - picture(64, 48)[:22]).mean() < 3
    assert np.abs(frames[1].rgb[26:].astype(int) - (0, 0, 255)).max() <= 3
    assert "alpha is flattened onto #0000ff" in source.conversions


def test_transparent_pixels_of_a_webp_are_flattened(tmp_path) -> None:
    path = tmp_path / "a.webp"
    cv2.imwrite(str(path), np.dstack([picture(32, 32), np.full((32, 32), 0, np.uint8)]))
    source, (frame,) = read(path, options=SourceOptions(background=(255, 255, 255)))
    assert (frame.rgb == 255).all()
    assert source.conversions == ["alpha is flattened onto #ffffff"]


def test_names_of_colours() -> None:
    assert colour_of("#0f8") == (0, 255, 136)
    assert colour_of("#12aBff") == (18, 171, 255)
    assert colour_of("White") == (255, 255, 255)
    for text in ("", "#12", "red!", "#12345g"):
        with pytest.raises(SettingsError, match="background"):
            colour_of(text)


def test_conversions_stand_in_the_comment_beside_what_it_says() -> None:
    labels = Labels({"comment": "own words"}).with_comment(as_comment(["a", "b"]))
    assert labels.tags["comment"].startswith("own words\n")
    assert from_comment(labels.tags["comment"]) == ["a", "b"]
    assert Labels().with_comment(as_comment([])) == Labels()
    assert from_comment("own words") == from_comment("") == []
