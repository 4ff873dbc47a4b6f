"""The corpus: it is what was frozen, decodes to the integers of its manifests, and nobody changes
it unawares.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from bitstream.coder import Tables
from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import NEWEST_FROZEN, NEWEST_VERSION
from videocodec.cli import main as videocodec_main

from . import corpus
from .editions import EDITIONS

STREAMS = {stream.full_name: stream for stream in corpus.streams()}
# Models of random tables alone decode latents, but are no bundles that videocodec could load.
BUNDLES = [name for name, one in STREAMS.items() if one.version == 1 or one.model == "encodable"]


@pytest.fixture(scope="module")
def tables() -> dict[tuple[int, str], Tables]:
    models = {(stream.version, stream.model) for stream in STREAMS.values()}
    return {model: corpus.load_tables(*model) for model in models}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for version in corpus.VERSIONS:
        corpus.unpack_models(folder / str(version), version)
    return folder


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the corpus to spoil."""
    target = tmp_path / "corpus"
    shutil.copytree(corpus.FOLDER, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target


class TestFrozen:
    def test_no_entry_of_a_frozen_version_was_changed(self) -> None:
        manifest: dict[str, dict] = {}
        for version in corpus.VERSIONS:
            manifest |= corpus.read_manifest(version)
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

    def test_version_2_is_this(self) -> None:
        assert (
            corpus.FROZEN["2"] == "1246ab1f44bce4966a1baad098c3906cd45d6ee7b84c152b99f181605872b084"
        )

    def test_every_version_has_a_corpus_and_all_of_a_frozen_one_is_frozen(self) -> None:
        assert (*EDITIONS,) == corpus.VERSIONS == (*range(1, NEWEST_VERSION + 1),)
        frozen = {corpus.version_of(part) for part in corpus.FROZEN}
        assert frozen == set(range(1, NEWEST_FROZEN + 1))
        for version in corpus.VERSIONS:
            parts = set(corpus.read_manifest(version))
            assert {corpus.version_of(part) for part in parts} == {version}
            assert version > NEWEST_FROZEN or parts <= corpus.FROZEN.keys()

    def test_files_are_those_of_the_manifests(self) -> None:
        paths = corpus.FOLDER.glob("v*/*.mp4")
        found = {path.relative_to(corpus.FOLDER).as_posix() for path in paths}
        assert found == {stream.entry["file"] for stream in STREAMS.values()}
        for stream in STREAMS.values():
            data = stream.path.read_bytes()
            assert hashlib.sha256(data).hexdigest() == stream.entry["sha256"], stream.full_name

    @pytest.mark.parametrize("version", corpus.VERSIONS)
    def test_models_are_those_of_the_manifests(self, version: int) -> None:
        listed = [part["models"] for part in corpus.read_manifest(version).values()]
        known = {name: model["sha256"] for models in listed for name, model in models.items()}
        files = (corpus.home(version) / "models").glob("*.zip")
        assert {file.stem for file in files} == known.keys() == EDITIONS[version].models.keys()
        for name, sha256 in known.items():
            assert corpus.identity(corpus.model_files(version, name)) == sha256

    def test_a_changed_entry_is_noticed(self, copied: Path) -> None:
        manifest = corpus.read_manifest(1, copied)
        line = manifest["1"]["streams"]["chain"]["units"][1]
        manifest["1"]["streams"]["chain"]["units"][1] = line[:-1] + "01"[line[-1] == "0"]
        assert corpus.digest(manifest["1"]) != corpus.FROZEN["1"]
        (copied / corpus.MANIFEST).write_text(json.dumps(manifest))
        problems = corpus.disagreements(names=("chain", "headers"), folder=copied)
        assert [problem.split(":")[0] for problem in problems] == ["version 1, chain"]

    def test_it_is_small(self) -> None:
        kinds = (".mp4", ".zip", ".json")
        files = [path for path in corpus.FOLDER.rglob("*") if path.suffix in kinds]
        assert sum(path.stat().st_size for path in files) < 1_500_000


class TestDecoding:
    @pytest.mark.parametrize("name", STREAMS)
    def test_the_integers_of_the_manifest(
        self, name: str, tables: dict[tuple[int, str], Tables]
    ) -> None:
        stream, everything, lines = STREAMS[name], hashlib.sha256(), []
        for unit, frames in corpus.decode(stream, tables[stream.version, stream.model]):
            lines.append(corpus.describe(unit, frames))
            assert latent_checksum(frames) == unit.latent_checksum
            for frame in frames:
                everything.update(frame.latents.astype("<i2").tobytes())
        assert lines == stream.entry["units"]
        assert everything.hexdigest() == stream.entry["latents_sha256"]
        assert sum(line.count(" ") for line in lines) == stream.entry["frames"]

    @pytest.mark.parametrize("name", BUNDLES)
    def test_videocodec_verify(
        self,
        name: str,
        models: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        stream = STREAMS[name]
        if stream.name != "encoded_with_its_model":
            monkeypatch.setenv("VIDEOCODEC_MODELS", str(models / str(stream.version)))
        assert videocodec_main(["verify", str(stream.path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["ok"]
        assert found["frames"] == stream.entry["frames"]
        assert found["access_units"] == len(stream.entry["units"])

    def test_videocodec_verify_says_what_is_damaged(
        self, copied: Path, models: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = copied / "v1" / "hierarchy.mp4"
        data = bytearray(path.read_bytes())
        data[-200] ^= 1
        path.write_bytes(data)
        assert videocodec_main(["verify", str(path), "--model", str(models / "1" / "four")]) == 1
        assert "access unit" in capsys.readouterr().err
