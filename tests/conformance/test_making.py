"""Making the corpus: what is made of integers comes out as the same bytes, and what is frozen is
not made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ..bitstream.synthetic import synthetic_tables
from . import corpus, make_corpus
from .editions import EDITIONS

STREAMS = {stream.full_name: stream for stream in corpus.streams()}
PARTS = {
    part: whole
    for version in corpus.VERSIONS
    for part, whole in corpus.read_manifest(version).items()
}
RANDOM = [
    pytest.param(name, marks=pytest.mark.slow if "halved" in name or "at_their" in name else ())
    for name, stream in STREAMS.items()
    if stream.entry["made_by"] == "random decisions"
]
# The networks of the loop of the one that is left out are fitted in floats.
OF_INTEGERS = [
    (version, name)
    for version, edition in EDITIONS.items()
    for name in edition.models
    if name != "encodable"
]


def part_with(model: str, version: int) -> dict:
    """The entry of that model."""
    wholes = [whole for part, whole in PARTS.items() if corpus.version_of(part) == version]
    (found,) = (whole["models"][model] for whole in wholes if model in whole["models"])
    return found


@pytest.mark.parametrize("name", RANDOM)
def test_streams_of_random_decisions_are_written_as_the_same_bytes(name: str) -> None:
    """The writer as well as the reader: whoever encodes the same decisions has the same file."""
    stream = STREAMS[name]
    version, model = stream.version, stream.model
    tables, sha256 = corpus.load_tables(version, model), part_with(model, version)["sha256"]
    made = make_corpus.make_units(version, stream.name, tables, sha256)
    assert [data for data, _ in made] == corpus.units_of(stream)


@pytest.mark.parametrize(("version", "name"), OF_INTEGERS)
def test_tables_are_made_of_the_same_integers(version: int, name: str) -> None:
    made = corpus.tables_checksum(EDITIONS[version].make_tables(name))
    assert made == corpus.tables_checksum(corpus.load_tables(version, name))


def test_the_tables_of_unit_tests_are_made_of_the_same_integers() -> None:
    assert corpus.tables_checksum(synthetic_tables()) == "d1ee6eef"


@pytest.mark.parametrize("version", corpus.VERSIONS)
def test_every_stream_is_in_the_manifest(version: int) -> None:
    edition = EDITIONS[version]
    for part, whole in corpus.read_manifest(version).items():
        added = int(part.partition(".")[2] or 0)
        expected = [name for name, one in edition.scenarios.items() if one.added == added]
        assert list(whole["streams"]) == [*expected, *(() if added else edition.encodings)]
        models = [name for name, when in edition.models.items() if when == added]
        assert list(whole["models"]) == models


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the corpus to spoil."""
    target = tmp_path / "corpus"
    shutil.copytree(corpus.FOLDER, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


@pytest.mark.parametrize("part", corpus.FROZEN)
def test_a_frozen_version_is_not_made_again(
    part: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    assert make_corpus.main(["--part", part], copied) == 1
    assert f"version {part} of the format is frozen" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("part", ["0", "3", "1.x", "one"])
def test_a_version_that_nobody_knows_is_refused(
    part: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_corpus.main(["--part", part], copied) == 1
    assert f"no version {part} of the format is known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("version", "scenario", "encoding"),
    [(1, "keyframes", "encoded_crf_0"), (2, "keyframes", "encoded_chains")],
)
def test_a_version_that_is_not_frozen_is_made_anew(
    version: int,
    scenario: str,
    encoding: str,
    copied: Path,
    chosen: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(corpus, "FROZEN", {})
    chosen(version, scenario, encoding)
    assert make_corpus.main(["--part", str(version)], copied) == 0
    made = corpus.read_manifest(version, copied)[str(version)]["streams"]
    old = PARTS[str(version)]["streams"]
    assert made[scenario] == old[scenario]
    assert made[encoding]["frames"] == old[encoding]["frames"]
    assert not corpus.disagreements((version,), (scenario, encoding), copied)
    files = {path.stem for path in (copied / f"v{version}").glob("*.mp4")}
    others = {stream.name for stream in corpus.streams((version,), copied)}
    assert files == others >= {scenario, encoding}


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str, str], None]:
    """chosen(version, scenario, encoding): only these are made."""

    def choose(version: int, scenario: str, encoding: str) -> None:
        edition = EDITIONS[version]
        less = replace(
            edition,
            scenarios={scenario: edition.scenarios[scenario]},
            encodings={encoding: edition.encodings[encoding]},
        )
        monkeypatch.setitem(EDITIONS, version, less)

    return choose
