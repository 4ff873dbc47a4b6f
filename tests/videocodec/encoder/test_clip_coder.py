"""Clips in format version 2: through encoder and decoder, with as many slices a block as pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v2.derived_blocks import derived_in
from bitstream.v2.tables import LevelTables
from videocodec.calibration.error_weights import measure_error_weights
from videocodec.calibration.loop_networks import loop_networks
from videocodec.calibration.search_map import fit_search_map
from videocodec.calibration.second import tables_of
from videocodec.calibration.second_inter import first_tables
from videocodec.encoder.clip_coder import ClipCoder
from videocodec.encoder.coded_residuals import CodedResiduals
from videocodec.encoder.conditional_quantiser import ConditionalQuantiser
from videocodec.encoder.crew import crew_of
from videocodec.encoder.frame_encoder import EncoderHelpers
from videocodec.encoder.settings import EncoderSettings
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.presets import Preset
from videocodec.training.second.start import start_from_principal_components

from ...bitstream.v2.synthetic import pass_of
from .compiled.numpy_only import both

WIDTH, HEIGHT, CHANNELS = 96, 64, 6


@pytest.fixture(scope="module")
def pictures(panned: Callable[..., np.ndarray]) -> list[np.ndarray]:
    return list(panned(4, HEIGHT, WIDTH, (1, 2)))


@pytest.fixture(scope="module")
def codec(pictures: list[np.ndarray]) -> SecondCodec:
    torch.manual_seed(0)
    codec = SecondCodec(SecondShape(CHANNELS, 8, 8, 8, 1, 8, 1))
    start_from_principal_components(codec, pictures)
    return codec


@pytest.fixture(scope="module")
def tables(codec: SecondCodec, pictures: list[np.ndarray]) -> LevelTables:
    loop = loop_networks(codec, pictures)
    search_map = fit_search_map(loop, list(pairwise(pictures)))
    weights = measure_error_weights(codec, pictures[:1])
    return first_tables(codec.rate, loop, search_map, weights)


def test_a_clip_goes_through_the_decoder(
    codec: SecondCodec, tables: LevelTables, pictures: list[np.ndarray]
) -> None:
    coder, seen = ClipCoder(codec, tables), list[CodedResiduals]()
    frames = coder.prepared(pictures)
    helpers = EncoderHelpers(residuals=seen.append)
    units = coder.code(frames, (WIDTH, HEIGHT), EncoderSettings(crf=28), helpers)
    assert units[0].is_keyframe and sum(unit.frame_count for unit in units) == len(pictures)
    decoded = list(coder.decode(AccessUnit.parse(unit.to_bytes()) for unit in units))
    errors = [np.square(a - b.astype(float)).mean() for a, b in zip(decoded, pictures, strict=True)]
    spread = np.var(np.stack(pictures).astype(float))
    assert max(errors) < 0.5 * spread
    assert seen and all(one.target.shape == (CHANNELS, 8, 12) for one in seen)
    for one in seen:
        assert not one.values[:, ~one.coded].any() and not one.prediction[:, one.intra].any()
        assert one.slices.any() and not one.slices[~one.coded].any()


def test_frames_between_two_references_have_derived_motion(
    codec: SecondCodec, tables: LevelTables, panned: Callable[..., list[np.ndarray]]
) -> None:
    coder, decoder = ClipCoder(codec, tables), LatentDecoder(tables)
    frames, fields = coder.prepared(list(panned(9, HEIGHT, WIDTH, (0, 3)))), []
    for unit in coder.code(frames, (WIDTH, HEIGHT), EncoderSettings(crf=20)):
        decoded = decoder.decode(unit)
        if not unit.is_keyframe:
            entries = sorted(unit.references, key=lambda entry: entry.number)
            for entry, frame in zip(entries, decoded, strict=True):
                fields.append(frame.fields)
                assert entry.future is not None or not derived_in(frame.fields).any()
    assert any(derived_in(one).any() for one in fields)
    for one in fields:
        derived = derived_in(one)
        assert (one.modes[derived] != Mode.INTRA).all() and (one.sides[derived] == 1).all()
        assert (one.directions[derived] == Direction.AVERAGE).all()


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast", "fast", "slow"])
def test_bytes_are_the_same_without_kernels(
    codec: SecondCodec, tables: LevelTables, smooth: Callable[..., np.ndarray], preset: Preset
) -> None:
    """Of parts that move otherwise than what is behind them, and of what comes anew."""
    scene, others = smooth(HEIGHT + 40, WIDTH + 60, 3), np.random.default_rng(1)
    pictures = []
    for time in range(7):
        picture = scene[2 * time :, 3 * time :][:HEIGHT, :WIDTH].copy()
        picture[8 + time : 30 + time, 20:60] = scene[-22:, 5 * time : 40 + 5 * time]
        picture[40:, 70:] = others.integers(0, 256, picture[40:, 70:].shape)
        pictures.append(picture)
    coder = ClipCoder(codec, tables)
    frames = coder.prepared(pictures)
    settings = EncoderSettings(crf=24, preset=preset)

    def coded() -> list[bytes]:
        return [unit.to_bytes() for unit in coder.code(frames, (WIDTH, HEIGHT), settings)]

    numpy, compiled = both(coded)
    assert numpy == compiled


def test_bytes_are_the_same_for_any_threads(
    codec: SecondCodec, tables: LevelTables, panned: Callable[..., list[np.ndarray]]
) -> None:
    coder, settings = ClipCoder(codec, tables), EncoderSettings(crf=24)
    frames = coder.prepared(list(panned(9, HEIGHT, WIDTH, (1, 3))))
    alone, shared = (
        [
            unit.to_bytes()
            for unit in coder.code(
                frames, (WIDTH, HEIGHT), settings, EncoderHelpers(crew=crew_of(threads))
            )
        ]
        for threads in (1, 3)
    )
    assert alone == shared


def levels_of(coder: ClipCoder, pictures: list[np.ndarray], guard: str | None) -> list[float]:
    """Bits of levels of every frame after a keyframe that is far coarser than they are."""
    settings = EncoderSettings(crf=20, keyframe_offset=-20, guard=guard)
    decoder, bits = LatentDecoder(coder.tables), []
    for unit in coder.code(coder.prepared(pictures), (WIDTH, HEIGHT), settings):
        bits += [frame.level_bits for frame in decoder.decode(unit)]
    return bits[1:]


def test_frames_follow_what_was_coded_where_nothing_changes(
    codec: SecondCodec, tables: LevelTables, pictures: list[np.ndarray]
) -> None:
    coder = ClipCoder(codec, tables)
    still, refined = (
        sum(levels_of(coder, [pictures[0]] * 3, guard)) for guard in (None, "psnr=99")
    )  # a guard wants more than what was coded
    assert 0 < still < 0.8 * refined


def test_frames_that_change_have_their_own_latents(
    codec: SecondCodec, tables: LevelTables, pictures: list[np.ndarray]
) -> None:
    other = [np.ascontiguousarray(255 - picture) for picture in pictures]
    changed = [pictures[0], other[1], other[2]]
    coder = ClipCoder(codec, tables)
    found, guarded = (levels_of(coder, changed, guard) for guard in (None, "psnr=99"))
    assert min(found) > 0
    assert found == pytest.approx(guarded, rel=0.02)


def test_tables_of_keyframes_alone_are_refused(
    codec: SecondCodec, pictures: list[np.ndarray]
) -> None:
    coder = ClipCoder(codec, tables_of(codec.rate))
    with pytest.raises(ValueError, match="keyframes alone"):
        coder.code(coder.prepared(pictures), (WIDTH, HEIGHT), EncoderSettings())


def test_levels_minimise_error_and_bits() -> None:
    target = np.array([0.3, -0.6, 1.45, 8.2]).reshape(4, 1, 1)
    part = pass_of(np.array([[0, -16, 16, 0]]))
    free = ConditionalQuantiser(target, 0.0)
    assert free(part).tolist() == [[0, 0, 0, 8]]
    assert free.gains[:, 0, 0].tolist() == pytest.approx([0, 0.2, 1.9, 67.2])
    dear = ConditionalQuantiser(target, 1e4)
    assert dear(part).tolist() == [[0, 0, 0, 0]] and (dear.gains < 0).all()


def test_larger_levels_are_taken_where_they_are_nearer() -> None:
    target = np.array([0.3, 1.1, -2.4, 8.2]).reshape(4, 1, 1)
    part = replace(pass_of(np.array([[0, 0, -16, 0]])), level_sizes=np.array([32, 32, 24, 48]))
    free = ConditionalQuantiser(target, 0.0)
    assert free(part).tolist() == [[0, 1, -1, 3]]
    errors = np.array([0.3, 0.9, 0.1, 0.8])
    assert free.gains[:, 0, 0] == pytest.approx(target[:, 0, 0] ** 2 - errors**2)


def test_errors_weigh_as_they_are_told() -> None:
    target, part = np.full((2, 1, 1), 1.2), pass_of(np.zeros((1, 2), np.int64))
    weighted = ConditionalQuantiser(target, 0.5, np.array([0.01, 4.0]))
    assert weighted(part).tolist() == [[0, 1]]
    nowhere = ConditionalQuantiser(target, 0.5, None, np.full((1, 1), 0.001))
    assert nowhere(part).tolist() == [[0, 0]]
