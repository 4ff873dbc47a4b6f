"""The golden streams: decoded to the same integers, written as the same bytes, for ever; and without torch."""

from __future__ import annotations

import subprocess
import sys
import zlib
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bitstream.access_unit import AccessUnit
from bitstream.block_syntax import Direction, Mode
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.prediction import ReferenceFrame
from bitstream.symbol_coder import SymbolReader
from bitstream.tables import CodecTables

from .golden import make_golden
from .reference_decoder import ReferenceDecoder
from .synthetic import MadeUnit, synthetic_tables

ROOT = Path(__file__).parents[2]
NAMES = sorted(make_golden.SCENARIOS)


@pytest.fixture(scope="module")
def tables() -> CodecTables:
    return synthetic_tables()


@pytest.fixture(scope="module")
def description() -> dict:
    return make_golden.read_description()


@pytest.fixture(scope="module")
def made(tables: CodecTables) -> dict[str, tuple[MadeUnit, ...]]:
    return make_golden.make(tables)


def test_the_synthetic_tables_are_those_of_the_streams(tables: CodecTables, description: dict) -> None:
    assert make_golden.tables_checksum(tables) == description["tables_crc32"] == "d1ee6eef"
    assert sorted(description["streams"]) == NAMES


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in make_golden.FOLDER.iterdir() if path.is_file()) < 60_000


def test_the_streams_hold_every_feature(tables: CodecTables, monkeypatch: pytest.MonkeyPatch) -> None:
    escapes, original = [], SymbolReader.code_escapes

    def counted(reader: SymbolReader, values: np.ndarray) -> np.ndarray:
        escapes.extend(original(reader, values).tolist())
        return np.array(escapes[len(escapes) - len(values) :], dtype=np.int64)

    monkeypatch.setattr(SymbolReader, "code_escapes", counted)
    frames, structures = [], set()
    for name in NAMES:
        decoder = LatentDecoder(tables)
        for data in make_golden.read_units(name):
            unit = AccessUnit.parse(data)
            structures.add((unit.structure, len(set(unit.quantisers)) > 1, len(set(unit.durations)) > 1))
            frames += decoder.decode(unit)
    assert {int(mode) for frame in frames for mode in np.unique(frame.fields.modes)} == set(Mode)
    assert {int(direction) for frame in frames for direction in np.unique(frame.fields.directions)} == set(Direction)
    assert {structure for structure, _, _ in structures} == set(Structure)
    assert {int(side) for frame in frames for side in np.unique(frame.fields.sides)} == {1, 2, 4}
    assert {(Structure.CHAIN, True, False), (Structure.HIERARCHY, True, True)} <= structures
    assert len(escapes) > 100 and max(escapes) > 15000
    assert max(np.abs(frame.fields.vectors).max() for frame in frames) > 500
    assert {frame.quantiser for frame in frames} >= {0, 127}


@pytest.mark.parametrize("name", NAMES)
def test_decoding(name: str, tables: CodecTables, description: dict) -> None:
    decoder, units = LatentDecoder(tables), make_golden.read_units(name)
    found = [make_golden.describe(data, decoder.decode(AccessUnit.parse(data))) for data in units]
    assert found == description["streams"][name]


@pytest.mark.parametrize("name", NAMES)
def test_the_second_decoder_agrees(name: str, tables: CodecTables) -> None:
    slow = ReferenceDecoder(tables)
    for data in make_golden.read_units(name):
        unit = AccessUnit.parse(data)
        latents = slow.decode(unit)
        crc = zlib.crc32(np.array(latents, dtype="<i2").tobytes())
        assert crc == unit.latent_checksum


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_writes_the_same_bytes(name: str, made: dict[str, tuple[MadeUnit, ...]]) -> None:
    units = [item.unit.to_bytes() for item in made[name]]
    assert units == make_golden.read_units(name)
    assert all(latent_checksum(item.frames) == item.unit.latent_checksum for item in made[name])


WITHOUT_TORCH = """
import sys
import zlib
sys.modules["torch"] = sys.modules["torchvision"] = sys.modules["diffusers"] = sys.modules["videocodec"] = None
import importlib, pkgutil
import bitstream
for module in pkgutil.walk_packages(bitstream.__path__, "bitstream."):
    importlib.import_module(module.name)
from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from tests.bitstream.golden import make_golden
from tests.bitstream.synthetic import synthetic_tables
decoder = LatentDecoder(synthetic_tables())
for name, units in make_golden.read_description()["streams"].items():
    found = [make_golden.describe(data, decoder.decode(AccessUnit.parse(data))) for data in make_golden.read_units(name)]
    assert found == units, name
print("decoded", len(make_golden.SCENARIOS))
"""


def test_decoding_needs_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, f"decoded {len(NAMES)}"), done.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_decoding_does_not_depend_on_threads(threads: int, tables: CodecTables, description: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder keeps BLAS to one thread for speed alone; here that limit is lifted."""
    monkeypatch.setattr("bitstream.latent_decoder.one_blas_thread", nullcontext)
    with threadpool_limits(threads, user_api="blas"):
        assert all(pool["num_threads"] == threads for pool in threadpool_info() if pool["user_api"] == "blas")
        for name in NAMES:
            decoder, units = LatentDecoder(tables), make_golden.read_units(name)
            assert [make_golden.describe(data, decoder.decode(AccessUnit.parse(data))) for data in units] == description["streams"][name]


def test_products_large_enough_for_blas_to_share_out(tables: CodecTables) -> None:
    rng = np.random.default_rng(5)
    channels, height, width = tables.latent_channels, 80, 100
    reference = ReferenceFrame(rng.integers(-32767, 32768, (channels, height, width)).astype(np.int32))
    rows, columns = (plane.ravel() for plane in np.mgrid[:height, :width])
    vectors = np.tile([[3, -5]], (len(rows), 1))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found.append(reference.predict(tables.phase_filters, rows, columns, vectors))
    assert np.array_equal(*found)
