"""Versions of the format: what there is, and that nothing mixes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError, FieldError, UnsupportedVersionError
from bitstream.fields import ByteReader
from bitstream.formats import FORMATS, format_of, load_tables
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import NEWEST_FROZEN, NEWEST_VERSION, SequenceHeader
from bitstream.v1.tables import TablesError
from videocodec.decoder.scanning import check_unchanged

from ..conformance import corpus
from .synthetic import UnitPlan, make_stream, synthetic_header, synthetic_tables

ROOT = Path(__file__).resolve().parents[2]


def test_every_version_up_to_the_newest_is_there_under_its_number() -> None:
    assert sorted(FORMATS) == list(range(1, NEWEST_VERSION + 1))
    assert all(version == known.version for version, known in FORMATS.items())


def test_drafts_are_newer_than_what_is_frozen() -> None:
    frozen = [version for version, known in FORMATS.items() if known.is_frozen]
    assert frozen == list(range(1, NEWEST_FROZEN + 1))


@pytest.mark.parametrize("version", FORMATS)
def test_a_version_names_the_document_that_specifies_it(version: int) -> None:
    assert (ROOT / FORMATS[version].specification).is_file()


@pytest.mark.parametrize("version", [0, NEWEST_VERSION + 1])
def test_a_version_that_is_not_known_is_refused_by_number(version: int) -> None:
    with pytest.raises(UnsupportedVersionError, match=f"format version {version} is not one of"):
        format_of(version)


def test_the_header_keeps_the_version_it_read(header: SequenceHeader) -> None:
    """A program that knows version 2 still says 1 of a stream of version 1, and writes it so."""
    data = header.to_bytes()
    read = SequenceHeader.parse(ByteReader(data))
    assert read.format_version == 1 and read.to_bytes() == data
    newer = replace(read, format_version=2)
    assert SequenceHeader.parse(ByteReader(newer.to_bytes())) == newer != read


@pytest.mark.parametrize("version", [0, NEWEST_VERSION + 1])
def test_a_header_of_no_known_version_cannot_be_built(header: SequenceHeader, version: int) -> None:
    with pytest.raises(FieldError, match="format_version"):
        replace(header, format_version=version)


def test_a_stream_has_one_version(header: SequenceHeader) -> None:
    check_unchanged(header, replace(header, crf=1))
    with pytest.raises(BitstreamError, match="format_version changes from 1 to 2"):
        check_unchanged(header, replace(header, format_version=2))


def test_tables_of_another_version_do_not_decode_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = synthetic_tables()
    header = replace(synthetic_header(32, 32, 1), latent_channels=tables.latent_channels)
    (made,) = make_stream(tables, header, (UnitPlan(Structure.KEYFRAME, (30,)),), 1, 20)
    monkeypatch.setattr(type(tables), "format_version", 2)
    with pytest.raises(
        BitstreamError, match="format version 1, the model's tables are of version 2"
    ):
        LatentDecoder(tables).decode(made.unit)


def test_a_program_of_version_1_refuses_what_is_of_version_2_by_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As programs were before version 2: what they know of it is its number."""
    keyframes = [corpus.units_of(file)[0] for file in corpus.streams((2,))]
    model = tmp_path / "tables.safetensors"
    model.write_bytes(corpus.model_files(2, "several")["codec/tables.safetensors"])
    monkeypatch.setattr("bitstream.sequence_header.NEWEST_VERSION", 1)
    monkeypatch.delitem(FORMATS, 2)
    for data in keyframes:
        with pytest.raises(
            UnsupportedVersionError,
            match=r"newer version \(format 2, this program reads 1\): upgrade",
        ):
            AccessUnit.parse(data)
    with pytest.raises(UnsupportedVersionError, match=r"2 is not one of .*knows \(1\): upgrade"):
        load_tables(model)
    assert not corpus.disagreements((1,), ("everything", "one_channel"))


class TestTables:
    """What tables say of their version."""

    def save(self, path: Path, metadata: dict[str, str] | None) -> Path:
        save_file(synthetic_tables().to_tensors(), str(path), metadata)
        return path

    @pytest.mark.parametrize("metadata", [None, {"format_version": "1"}, {"format": "np"}])
    def test_version_1_need_not_be_named(self, tmp_path: Path, metadata: dict | None) -> None:
        assert load_tables(self.save(tmp_path / "t.safetensors", metadata)).format_version == 1

    def test_a_newer_version_is_refused_by_number(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "t.safetensors", {"format_version": str(NEWEST_VERSION + 1)})
        with pytest.raises(UnsupportedVersionError, match=f"format version {NEWEST_VERSION + 1}"):
            load_tables(path)

    @pytest.mark.parametrize("named", ["", "one", "-1", "1.0", "٣", "9" * 5000])
    def test_what_is_no_version_is_refused(self, tmp_path: Path, named: str) -> None:
        path = self.save(tmp_path / "t.safetensors", {"format_version": named})
        with pytest.raises(TablesError, match="format_version must be a whole number"):
            load_tables(path)

    @pytest.mark.parametrize("contents", [None, b"", b"no safetensors at all"])
    def test_a_file_that_cannot_be_read_is_an_error_of_tables(
        self, tmp_path: Path, contents: bytes | None
    ) -> None:
        path = tmp_path / "t.safetensors"
        if contents is not None:
            path.write_bytes(contents)
        with pytest.raises(TablesError, match="codec tables cannot be read"):
            load_tables(path)
