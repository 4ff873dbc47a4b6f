"""Pictures as keyframes of format version 2: real bytes, decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bitstream.access_unit import AccessUnit
from videocodec.encoder.conditional_quantiser import rounding
from videocodec.encoder.picture_coder import PictureCoder
from videocodec.errors import UnknownModelError
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second.start import start_from_principal_components

from ...bitstream.v2.synthetic import pass_of

SHAPE = SecondShape(12, 8, 8, 8, 1, 8, 1)


@pytest.fixture(scope="module")
def picture(texture: Callable[..., np.ndarray]) -> np.ndarray:
    """RGB, of a size that is no multiple of a block."""
    return np.ascontiguousarray(texture(90, 70, 0))


@pytest.fixture(scope="module")
def coder(picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> PictureCoder:
    torch.manual_seed(0)
    codec, file = SecondCodec(SHAPE), tmp_path_factory.mktemp("weights") / "weights.safetensors"
    start_from_principal_components(codec, [picture])
    save_file(codec.state_dict(), str(file))
    return PictureCoder(file, SecondCodec(SHAPE))


def error(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.square(first.astype(float) - second).mean())


def test_finer_steps_take_more_bytes_and_lose_less(
    coder: PictureCoder, picture: np.ndarray
) -> None:
    fine, coarse = (coder.code(picture, quantiser) for quantiser in (28, 64))
    assert fine.decoded.shape == picture.shape and fine.decoded.dtype == np.uint8
    assert len(fine.data) > 1.5 * len(coarse.data)
    assert error(fine.decoded, picture) < error(coarse.decoded, picture)


def test_bytes_are_an_access_unit_of_version_2(coder: PictureCoder, picture: np.ndarray) -> None:
    unit = AccessUnit.parse(coder.code(picture, 40).data)
    assert unit.header is not None and unit.quantisers == (40,)
    assert (unit.header.format_version, unit.header.width, unit.header.height) == (2, 70, 90)


def test_slices_that_are_left_out_save_bytes(coder: PictureCoder, picture: np.ndarray) -> None:
    sizes = [len(coder.code(picture, 34, slice_count=count).data) for count in (0, 3, 5)]
    assert sizes == sorted(set(sizes))


def test_the_dead_zone_is_around_what_is_expected() -> None:
    part = pass_of(np.full((5, 1), 8))  # half a step
    scaled = 0.5 + np.array([[[0.55, 0.65, -0.55, -0.65, 1.65]]])
    assert rounding(scaled, 40, 0.1)(part)[:, 0].tolist() == [0, 1, 0, -1, 2]
    assert rounding(scaled, 40, 0.0)(part)[:, 0].tolist() == [1, 1, -1, -1, 2]
    wide = replace(part, level_sizes=np.array([32]))
    assert rounding(scaled, 40, 0.1)(wide)[:, 0].tolist() == [0, 0, 0, 0, 1]
    assert rounding(2 * scaled - 0.5, 52, 0.1)(part)[:, 0].tolist() == [0, 0, -1, -1, 1]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="absent: no weights of the second autoencoder"):
        PictureCoder(tmp_path / "absent", SecondCodec(SHAPE))
