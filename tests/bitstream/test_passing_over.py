"""Access units that nobody wants are passed over: what comes after them is the same."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.errors import BitstreamError
from bitstream.latent_decoder import LatentDecoder
from bitstream.v2 import compiled, unmade_frames

from ..conformance import corpus

STREAMS = {
    stream.name: stream
    for stream in corpus.streams((2,))
    if sum(not AccessUnit.parse(data).is_keyframe for data in corpus.units_of(stream)) > 1
}


@cache
def tables_of(name: str) -> Tables:
    return corpus.load_tables(2, STREAMS[name].model)


def units_of(name: str) -> list[AccessUnit]:
    return [AccessUnit.parse(data) for data in corpus.units_of(STREAMS[name])]


@pytest.mark.parametrize("every", [2, 3])
@pytest.mark.parametrize("name", STREAMS)
def test_units_behind_those_that_were_passed_over_are_the_same(name: str, every: int) -> None:
    """One of ``every`` is decoded, and decoding compares its checksum."""
    whole, passing = LatentDecoder(tables_of(name)), LatentDecoder(tables_of(name))
    passed = 0
    for number, unit in enumerate(units_of(name)):
        frames, references = whole.decode_with_references(unit)
        if not unit.is_keyframe and number % every:
            passing.pass_over(unit)
            passed += 1
            continue
        found, others = passing.decode_with_references(unit)
        for frame, other in zip(frames, found, strict=True):
            assert np.array_equal(frame.latents, other.latents)
            assert np.array_equal(frame.quantiser_map, other.quantiser_map)
        assert np.array_equal(references[-1].picture, others[-1].picture)
    assert passed


def test_numpy_passes_over_as_kernels_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "kernels", lambda: None)
    for name in ("encoded", "hierarchy", "motion"):
        test_units_behind_those_that_were_passed_over_are_the_same(name, 2)


@pytest.mark.parametrize("name", ["hierarchy", "hierarchies_of_1_to_16", "derived"])
def test_frames_that_nobody_refers_to_are_not_made(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are predicted where levels are read, and nowhere else."""
    decoder, everywhere, leaves = LatentDecoder(tables_of(name)), [], 0
    predict = unmade_frames.predict_frame

    def noted(*args: object) -> object:
        everywhere.append(len(args) < 4)
        return predict(*args)  # type: ignore[arg-type]

    for unit in units_of(name):
        if unit.is_keyframe:
            decoder.decode(unit)
            continue
        with monkeypatch.context() as patched:
            patched.setattr(unmade_frames, "predict_frame", noted)
            decoder.pass_over(unit)
        leaves += sum(entry.is_between_next_ones for entry in unit.references)
        most = sum(not entry.is_between_next_ones for entry in unit.references)
        assert sum(everywhere) <= most
        everywhere.clear()
    assert leaves


def test_a_unit_needs_its_keyframe_to_be_passed_over() -> None:
    key, inter, *_ = units_of("encoded")
    decoder = LatentDecoder(tables_of("encoded"))
    with pytest.raises(BitstreamError, match="needs the keyframe before it"):
        decoder.pass_over(inter)
    decoder.decode(key)
    decoder.pass_over(inter)


def test_damage_leaves_the_decoder_waiting_for_a_keyframe() -> None:
    key, inter, *_ = units_of("encoded")
    decoder = LatentDecoder(tables_of("encoded"))
    decoder.decode(key)
    with pytest.raises(BitstreamError):
        decoder.pass_over(replace(inter, payload=inter.payload[:1]))
    with pytest.raises(BitstreamError, match="needs the keyframe before it"):
        decoder.pass_over(inter)
    decoder.decode(key)


def test_what_was_wrong_in_a_unit_passed_over_fails_a_later_checksum() -> None:
    """Other latents of an anchor are other latents behind it."""
    key, *others = units_of("encoded")
    decoder = LatentDecoder(tables_of("encoded"))
    decoder.decode(key)
    first = replace(others[0], quantisers=tuple(one ^ 1 for one in others[0].quantisers))
    with pytest.raises(BitstreamError):
        decoder.pass_over(first)
        for unit in others[1:]:
            decoder.decode(unit)
