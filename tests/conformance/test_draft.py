"""The draft's corpus: it decodes to the integers of its manifest, under whatever must not matter,
and is made anew by one command.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.formats import FORMATS
from bitstream.latent_decoder import latent_checksum
from bitstream.v2.tables import LevelTables
from videocodec.cli import main as videocodec_main

from . import corpus, make_draft
from .encodings import SECOND_ENCODINGS
from .make_corpus import units_of
from .scenarios.second import SECOND_SCENARIOS
from .second_models import SECOND_MODELS

ROOT = Path(__file__).parents[2]
STREAMS = {stream.name: stream for stream in corpus.streams(corpus.DRAFT)}
MADE_OF_INTEGERS = sorted(set(SECOND_MODELS) - {"encodable"})


@pytest.fixture(scope="module")
def tables() -> dict[str, LevelTables]:
    return {name: corpus.load_tables(name, corpus.DRAFT) for name in SECOND_MODELS}


class TestManifest:
    def test_it_says_that_it_is_a_draft(self) -> None:
        manifest = corpus.read_manifest(corpus.DRAFT)
        assert [part["draft"] for part in manifest.values()] == [True]
        assert not set(manifest) & set(corpus.FROZEN)
        assert not any(FORMATS[stream.version].is_frozen for stream in STREAMS.values())

    def test_every_scenario_is_in_it(self) -> None:
        assert list(STREAMS) == [*SECOND_SCENARIOS, *SECOND_ENCODINGS]

    def test_files_are_those_of_the_manifest(self) -> None:
        found = {path.relative_to(corpus.DRAFT).as_posix() for path in corpus.DRAFT.glob("v*/*")}
        assert found == {stream.entry["file"] for stream in STREAMS.values()}
        for stream in STREAMS.values():
            data = stream.path.read_bytes()
            assert hashlib.sha256(data).hexdigest() == stream.entry["sha256"], stream.name
        models = corpus.read_manifest(corpus.DRAFT)[make_draft.PART]["models"]
        for name, model in models.items():
            assert corpus.identity(corpus.model_files(name, corpus.DRAFT)) == model["sha256"]


class TestDecoding:
    @pytest.mark.parametrize("name", STREAMS)
    def test_the_integers_of_the_manifest(self, name: str, tables: dict[str, LevelTables]) -> None:
        stream, everything, lines = STREAMS[name], hashlib.sha256(), []
        for unit, frames in corpus.decode(stream, tables[stream.model]):
            lines.append(corpus.describe(unit, frames))
            assert latent_checksum(frames) == unit.latent_checksum
            for frame in frames:
                everything.update(frame.latents.astype("<i2").tobytes())
        assert lines == stream.entry["units"]
        assert everything.hexdigest() == stream.entry["latents_sha256"]
        assert sum(line.count(" ") for line in lines) == stream.entry["frames"]

    @pytest.mark.parametrize(
        "settings",
        [
            ("--threads", "1"),
            ("--rounding", "down", "--threads", "2"),
            pytest.param(("--rounding", "up", "--flush", "--early"), marks=pytest.mark.slow),
            pytest.param(("--threads", "2"), marks=pytest.mark.slow),
            pytest.param(("--rounding", "zero"), marks=pytest.mark.slow),
        ],
        ids=" ".join,
    )
    def test_without_torch_under_other_settings(self, settings: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "tests.conformance.decode_under", "--draft", *settings]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip(done.stdout.strip())
        assert done.returncode == 0, done.stdout + done.stderr

    def test_videocodec_verify(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        models = corpus.unpack_models(tmp_path, corpus.DRAFT)
        for name in SECOND_ENCODINGS:
            model = ("--model", str(models / STREAMS[name].model))
            assert videocodec_main(["verify", str(STREAMS[name].path), *model, "--json"]) == 0
            found = json.loads(capsys.readouterr().out)
            assert found["ok"] and found["frames"] == STREAMS[name].entry["frames"]

    @pytest.mark.parametrize(
        ("place", "wrong", "seen_in"),
        [
            ("prediction.average", lambda a, b: (a + b) >> 1, "squares"),
            ("frame_coder.to_values", lambda x, q: (x << 12) // 16384, "levels"),
            ("pass_coder.factors", lambda offsets: 16384 + 0 * offsets, "local_quantisers"),
            ("pass_coder.log2_factors", lambda offsets: 0 * offsets, "local_quantisers"),
            ("pass_coder.MEAN_LIMIT", 1 << 40, "steep_levels"),
            ("context_network.MEAN_LIMIT", 1 << 40, "steep_levels"),
            ("context_network.HIDDEN_LIMIT", 1 << 45, "steep_networks"),
            ("vector_syntax.SIZES", np.zeros(9, np.int64), "busy"),
            ("level_syntax.log2_step_eighths", lambda quantiser: 0, "keyframes"),
            ("inter_levels.log2_step_eighths", lambda quantiser: 0, "quantisers"),
            ("loop_networks.COARSE", 500, "scattered"),
            ("loop_networks.STEP_ORIGIN", 39, "motion"),
        ],
        ids=lambda value: value if isinstance(value, str) and "." in value else "",
    )
    def test_a_decoder_that_does_otherwise_is_noticed(
        self, place: str, wrong: object, seen_in: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not corpus.disagreements(corpus.DRAFT, (seen_in,))
        monkeypatch.setattr(f"bitstream.v2.{place}", wrong)
        assert corpus.disagreements(corpus.DRAFT, (seen_in,))


class TestMaking:
    def test_streams_of_random_decisions_are_written_as_the_same_bytes(
        self, tables: dict[str, LevelTables]
    ) -> None:
        models = corpus.read_manifest(corpus.DRAFT)[make_draft.PART]["models"]
        for seed, (name, scenario) in enumerate(SECOND_SCENARIOS.items(), 1):
            sha256 = models[scenario.model]["sha256"]
            made = units_of(scenario, seed, tables[scenario.model], sha256)
            assert [data for data, _ in made] == corpus.units_of(STREAMS[name]), name

    @pytest.mark.parametrize("name", MADE_OF_INTEGERS)
    def test_the_tables_are_made_of_the_same_integers(
        self, name: str, tables: dict[str, LevelTables]
    ) -> None:
        made, stored = SECOND_MODELS[name](), tables[name]
        assert corpus.tables_checksum(made) == corpus.tables_checksum(stored)

    def test_it_is_made_anew_by_the_real_encoder_too(self, tmp_path: Path) -> None:
        made = make_draft.make(tmp_path, ("one_position", "encoded_chains"))["streams"]
        old = {name: STREAMS[name].entry for name in made}
        assert made["one_position"] == old["one_position"]
        frames = [entry["encoded_chains"]["frames"] for entry in (made, old)]
        assert frames[0] == frames[1] == SECOND_ENCODINGS["encoded_chains"].frames

    def test_a_frozen_version_is_not_made_again(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setitem(FORMATS, 2, replace(FORMATS[2], is_frozen=True))
        assert make_draft.main([], tmp_path) == 1
        assert "version 2 of the format is frozen" in capsys.readouterr().err
        assert os.listdir(tmp_path) == []
