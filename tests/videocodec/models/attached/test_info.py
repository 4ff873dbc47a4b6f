"""What ``info`` says of the model of a stream and of where it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videocodec import info
from videocodec.cli import main

from .streams import ROOT, Made


class TestInfo:
    def test_all_it_takes_in_ten_years(self, made: Made) -> None:
        told = info(made.stream)
        assert told.model == {"name": "away", "sha256": made.sha256}
        assert told.specification == "bitstream/FORMAT.md, format version 1"
        assert (ROOT / "bitstream/FORMAT.md").is_file()
        assert "CRC-32" in told.latents_checksum
        assert (told.model_installed, told.model_attached, told.model_attached_damage) == (
            False,
            True,
            None,
        )
        assert told.model_attached_bytes == made.report.attached_model_bytes
        assert (
            told.container_bytes
            == info(made.without).container_bytes
            == made.without.stat().st_size
        )
        assert told.provenance is not None  # decoded with the attached one

    def test_where_the_model_is(self, made: Made, damaged: Path, coded_movie) -> None:
        told = info(made.without, headers_only=True)
        assert (told.model_installed, told.model_attached, told.model_attached_bytes) == (
            False,
            False,
            0,
        )
        assert info(made.without, headers_only=True, model=made.kept).model_installed
        assert info(coded_movie.coded, headers_only=True).model_installed
        assert info(damaged).model_attached_damage.startswith("it is ")

    def test_the_command_says_it_in_words_and_as_json(
        self, made: Made, damaged: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["info", str(made.stream)]) == 0
        out = capsys.readouterr().out
        assert f"away, SHA-256 {made.sha256}; not installed here, attached to the file (" in out
        assert "specified in bitstream/FORMAT.md, format version 1" in out and "CRC-32" in out
        assert main(["info", str(made.without), "--headers-only"]) == 0
        assert "not installed here, not attached to the file" in capsys.readouterr().out
        assert main(["info", str(damaged), "--json"]) == 0
        told = capsys.readouterr()
        assert (
            json.loads(told.out)["model_attached_damage"]
            and "the attached model is damaged: it is" in told.err
        )
