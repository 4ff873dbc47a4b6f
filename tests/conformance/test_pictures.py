"""The exact pictures of the corpus are those of their manifest, and the second decoder's."""

from __future__ import annotations

import hashlib
import json

import pytest

from . import corpus, pictures
from .test_second_decoder import decode_alone

STREAMS = {
    stream.name: stream
    for stream in corpus.streams(pictures.VERSIONS)
    if stream.name in pictures.manifest(stream.version)
}
# One keyframe's, pictures that move, networks at their limits, and those of the real encoder.
SMALL = ("one_position", "times", "chain", "extremes", "steep_networks", "encoded_chains")


@pytest.mark.parametrize("version", pictures.VERSIONS)
def test_the_manifest_was_not_changed(version: int) -> None:
    assert corpus.digest(pictures.manifest(version)) == pictures.PINNED[version], (
        "pictures that were pinned are others: files decode to other pictures than they did"
    )


def test_every_model_with_a_loop_makes_pictures() -> None:
    left = [one for one in corpus.streams(pictures.VERSIONS) if one.name not in STREAMS]
    assert [stream.model for stream in left] == ["keyframes"]


@pytest.mark.parametrize("name", STREAMS)
def test_pictures_are_those_of_the_manifest(name: str) -> None:
    stream = STREAMS[name]
    entry = pictures.found_in(stream, corpus.load_tables(stream.version, stream.model))
    assert entry == pictures.manifest(stream.version)[name]
    assert sum(len(line.split()) for line in entry["units"]) == stream.entry["frames"]


def test_pictures_fill_the_range() -> None:
    stream = STREAMS["extremes"]
    tables = corpus.load_tables(stream.version, stream.model)
    made = [each for _, some in pictures.pictures(stream, tables) for each in some]
    assert {each.shape for each in made} == {(stream.entry["height"], stream.entry["width"], 3)}
    assert min(each.min() for each in made) == 0 and max(each.max() for each in made) == 255


def test_a_wrong_picture_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(picture):
        return (picture.transpose(1, 2, 0) >> 2).astype("uint8")

    assert pictures.disagreements(names=("chain",)) == []
    monkeypatch.setattr(pictures, "rounded", cut_off)
    assert pictures.disagreements(names=("chain",)) == ["version 2, chain: its pictures are others"]


def test_the_second_decoder_makes_the_same() -> None:
    done = decode_alone(["--pictures", *(f"2/{name}" for name in SMALL)])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["2"]
    assert found == {name: pictures.manifest(2)[name]["units"] for name in SMALL}


def test_digests_are_of_the_bytes_of_the_pictures() -> None:
    stream = STREAMS["one_position"]
    tables, everything = corpus.load_tables(stream.version, stream.model), hashlib.sha256()
    for _, made in pictures.pictures(stream, tables):
        for picture in made:
            everything.update(picture.tobytes())
    entry = pictures.manifest(stream.version)["one_position"]
    assert everything.hexdigest() == entry["pictures_sha256"]
