"""The corpus: it is what was frozen, it decodes to the integers of its manifest, and nobody changes
it unawares.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import NEWEST_FROZEN
from bitstream.v1.tables import CodecTables
from videocodec.cli import main as videocodec_main

from ..bitstream.synthetic import synthetic_tables
from . import corpus, make_corpus
from .encodings import ENCODINGS
from .make_models import MODELS
from .scenarios import SCENARIOS

STREAMS = {f"{stream.version} {stream.name}": stream for stream in corpus.streams()}


@pytest.fixture(scope="module")
def tables() -> dict[str, CodecTables]:
    return {name: corpus.load_tables(name) for name in MODELS}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus.unpack_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the corpus to spoil."""
    target = tmp_path / "corpus"
    shutil.copytree(corpus.FOLDER, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


class TestFrozen:
    def test_no_entry_of_a_frozen_version_was_changed(self) -> None:
        manifest = corpus.read_manifest()
        assert {part: corpus.digest(manifest[part]) for part in corpus.FROZEN} == corpus.FROZEN, (
            "the manifest of a frozen version of the format was changed: decoded integers that"
            " differ are a new version"
        )

    def test_version_1_is_this(self) -> None:
        """Here once more, so that two places have to be changed by somebody who thinks that one is
        a formality.
        """
        assert (
            corpus.FROZEN["1"] == "99bad1afd61f2d6fb5e2985bb778718ecd09dc323c60598ba04970d0f1e1471b"
        )
        assert (
            corpus.FROZEN["1.1"]
            == "54bfef3f9d636adee861ca15e4984b5ebed9a61ab414da050dc34d37f169b70c"
        )

    def test_the_version_that_is_written_is_frozen_and_in_the_manifest(self) -> None:
        assert set(corpus.read_manifest()) == set(corpus.FROZEN)
        assert {int(part.partition(".")[0]) for part in corpus.FROZEN} == set(
            range(1, NEWEST_FROZEN + 1)
        )

    def test_files_are_those_of_the_manifest(self) -> None:
        found = {
            path.relative_to(corpus.FOLDER).as_posix(): path for path in corpus.FOLDER.glob("v*/*")
        }
        assert found.keys() == {stream.entry["file"] for stream in STREAMS.values()}
        for stream in STREAMS.values():
            assert hashlib.sha256(stream.path.read_bytes()).hexdigest() == stream.entry["sha256"], (
                stream.name
            )
        for version in corpus.read_manifest().values():
            for name, model in version["models"].items():
                assert corpus.identity(corpus.model_files(name)) == model["sha256"]

    def test_a_changed_entry_is_noticed(self, copied: Path) -> None:
        manifest = corpus.read_manifest(copied)
        line = manifest["1"]["streams"]["chain"]["units"][1]
        manifest["1"]["streams"]["chain"]["units"][1] = line[:-1] + "01"[line[-1] == "0"]
        assert corpus.digest(manifest["1"]) != corpus.FROZEN["1"]
        (copied / corpus.MANIFEST).write_text(json.dumps(manifest))
        assert [
            problem.split(":")[0] for problem in corpus.disagreements(copied, ("chain", "headers"))
        ] == ["version 1, chain"]

    def test_it_is_small(self) -> None:
        assert (
            sum(
                path.stat().st_size
                for path in corpus.FOLDER.rglob("*")
                if path.suffix in (".mp4", ".zip", ".json")
            )
            < 1_000_000
        )


class TestDecoding:
    @pytest.mark.parametrize("name", STREAMS)
    def test_the_integers_of_the_manifest(self, name: str, tables: dict[str, CodecTables]) -> None:
        stream, everything, lines = STREAMS[name], hashlib.sha256(), []
        for unit, frames in corpus.decode(stream, tables[stream.model]):
            lines.append(corpus.describe(unit, frames))
            assert latent_checksum(frames) == unit.latent_checksum
            for frame in frames:
                everything.update(frame.latents.astype("<i2").tobytes())
        assert lines == stream.entry["units"]
        assert everything.hexdigest() == stream.entry["latents_sha256"]
        assert sum(line.count(" ") for line in lines) == stream.entry["frames"]

    @pytest.mark.parametrize("name", STREAMS)
    def test_videocodec_verify(
        self,
        name: str,
        models: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        stream = STREAMS[name]
        if stream.name != "encoded_with_its_model":
            monkeypatch.setenv("VIDEOCODEC_MODELS", str(models))
        assert videocodec_main(["verify", str(stream.path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (
            found["ok"]
            and found["frames"] == stream.entry["frames"]
            and found["access_units"] == len(stream.entry["units"])
        )

    def test_videocodec_verify_says_what_is_damaged(
        self, copied: Path, models: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = copied / "v1" / "hierarchy.mp4"
        data = bytearray(path.read_bytes())
        data[-200] ^= 1
        path.write_bytes(data)
        assert videocodec_main(["verify", str(path), "--model", str(models / "four")]) == 1
        assert "access unit" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("place", "wrong", "seen_in"),
        [
            (
                "bitstream.v1.frame_coder.average",
                lambda a, b: (a.astype(np.int64) + b >> 1).astype(np.int32),
                "hierarchies_of_1_to_16",
            ),
            (
                "bitstream.v1.frame_coder.log2_step_eighths",
                lambda quantiser: -((40 - quantiser) * 8 // 12),
                "hierarchies_of_1_to_16",
            ),
            (
                "bitstream.v1.frame_coder.dequantise",
                lambda levels, quantiser: levels * make_step(quantiser) + 127 >> 8,
                "hierarchies_of_1_to_16",
            ),
            (
                "bitstream.v1.block_context.scaled",
                lambda vectors, distance, over: vectors * distance // over,
                "hierarchies_of_1_to_16",
            ),
            ("bitstream.v1.adaptive_tables.COUNT_LIMIT", (1 << 24) + 65536, "halved_counts"),
            ("bitstream.v1.adaptive_tables.COUNT_LIMIT", (1 << 24) - 1, "counts_at_their_limit"),
            ("bitstream.v1.adaptive_tables.COUNT_LIMIT", (1 << 24) + 256, "counts_at_their_limit"),
            ("bitstream.v1.context_model.MEAN_LIMIT", 1 << 40, "steep_networks"),
            ("bitstream.v1.context_model.HIDDEN_LIMIT", 1 << 45, "steep_networks"),
        ],
        ids=[
            "average",
            "log2_step",
            "dequantise",
            "scaled",
            "halving",
            "halving at the limit",
            "halving too late",
            "mean",
            "hidden",
        ],
    )
    def test_a_decoder_that_rounds_otherwise_is_noticed(
        self, place: str, wrong: object, seen_in: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not corpus.disagreements(names=(seen_in,))
        monkeypatch.setattr(place, wrong)
        assert corpus.disagreements(names=(seen_in,))


def make_step(quantiser: int) -> int:
    """The step of section 4."""
    from bitstream.v1.quantiser import step_fixed

    return step_fixed(quantiser)


class TestMaking:
    def test_streams_of_random_decisions_are_written_as_the_same_bytes(
        self, tables: dict[str, CodecTables]
    ) -> None:
        """The writer as well as the reader: whoever encodes the same decisions has the same
        file.
        """
        models = {
            name: model["sha256"]
            for whole in corpus.read_manifest().values()
            for name, model in whole["models"].items()
        }
        for name, scenario in SCENARIOS.items():
            made = make_corpus.make_units(name, tables[scenario.model], models[scenario.model])
            assert [data for data, _ in made] == corpus.units_of(
                STREAMS[f"{NEWEST_FROZEN} {name}"]
            ), name

    def test_the_tables_are_made_of_the_same_integers(self, tables: dict[str, CodecTables]) -> None:
        assert corpus.tables_checksum(synthetic_tables()) == "d1ee6eef"
        for name, stored in tables.items():
            assert corpus.tables_checksum(MODELS[name].tables()) == corpus.tables_checksum(stored)

    def test_every_stream_is_in_the_manifest(self) -> None:
        found = {part: list(whole["streams"]) for part, whole in corpus.read_manifest().items()}
        first, added = (
            [name for name, scenario in SCENARIOS.items() if scenario.added == when]
            for when in (0, 1)
        )
        assert found == {"1": [*first, *ENCODINGS], "1.1": added}

    def test_a_frozen_version_is_not_made_again(
        self, copied: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
        assert make_corpus.main([], copied) == make_corpus.main(["--part", "1.1"], copied) == 1
        assert "version 1 of the format is frozen" in capsys.readouterr().err
        assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before

    def test_a_version_that_nothing_writes_is_refused(
        self, copied: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert make_corpus.main(["--part", str(NEWEST_FROZEN + 1)], copied) == 1
        assert f"writes version {NEWEST_FROZEN}" in capsys.readouterr().err

    def test_a_version_that_is_not_frozen_is_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: Callable
    ) -> None:
        monkeypatch.setattr(corpus, "FROZEN", {})
        chosen(("keyframes",), ("encoded_crf_0",))
        assert make_corpus.main([], tmp_path) == 0
        made = corpus.read_manifest(tmp_path)[str(NEWEST_FROZEN)]["streams"]
        frozen = corpus.read_manifest()[str(NEWEST_FROZEN)]["streams"]
        assert made["keyframes"]["units"] == frozen["keyframes"]["units"]
        assert len(made["encoded_crf_0"]["units"]) == len(frozen["encoded_crf_0"]["units"])
        assert not corpus.disagreements(tmp_path)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, ...], tuple[str, ...]], None]:
    """chosen(scenarios, encodings): only these are made."""

    def choose(scenarios: tuple[str, ...], encodings: tuple[str, ...]) -> None:
        monkeypatch.setattr(make_corpus, "SCENARIOS", {name: SCENARIOS[name] for name in scenarios})
        monkeypatch.setattr(make_corpus, "ENCODINGS", {name: ENCODINGS[name] for name in encodings})

    return choose
