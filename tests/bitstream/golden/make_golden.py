"""Makes the golden streams again: ``python -m tests.bitstream.golden.make_golden`` in the repository root.

NAME.bin holds the access units of a stream, each after its length (4 bytes, big-endian).  golden.json holds the CRC-32
of the synthetic tables and, for every access unit, the SHA-256 of its bytes and the CRC-32 of every frame's latents
(int16 little-endian; channel, row, column) in display order.  A released format never changes them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from bitstream.group_structure import Structure
from bitstream.latent_decoder import latent_checksum
from bitstream.tables import CodecTables

from ..synthetic import MadeUnit, UnitPlan, make_stream, synthetic_header, synthetic_tables

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Scenario:
    """What a golden stream holds; width and height in pixels."""

    width: int
    height: int
    block_log2: int
    escape_odds: int
    plans: tuple[UnitPlan, ...]


def _key(quantiser: int) -> UnitPlan:
    return UnitPlan(Structure.KEYFRAME, (quantiser,))


def _chain(*quantisers: int) -> UnitPlan:
    return UnitPlan(Structure.CHAIN, quantisers)


def _hierarchy(*quantisers: int, durations: tuple[int, ...] | None = None) -> UnitPlan:
    return UnitPlan(Structure.HIERARCHY, quantisers, durations)


SCENARIOS = {
    "keyframes": Scenario(72, 40, 1, 150, (_key(16), _key(52))),
    "chain": Scenario(120, 72, 1, 150, (_key(24), _chain(*(30,) * 4), _chain(32, 28, 36, 31, 30))),
    "hierarchy": Scenario(
        144,
        96,
        1,
        300,
        (_key(20), _hierarchy(24, 28, 30, 30, 33, 33, 33, 33), _hierarchy(*(30,) * 16), _hierarchy(26, 29, 31, durations=(1, 3, 700))),
    ),
    "everything": Scenario(
        101,
        83,
        0,
        20,
        (_key(16), _chain(28, 29, 30), _hierarchy(24, 27, 30, 30, 31), _key(40), _hierarchy(26, 28, 28, 31, 31, 31, 31), _hierarchy(33)),
    ),
    "one_position": Scenario(5, 8, 0, 20, (_key(20), _chain(30, 30), _hierarchy(30, 32, 34))),
    "one_row": Scenario(200, 7, 0, 100, (_key(22), _chain(30, 29), _hierarchy(30, 32, 34, 34))),
    "one_column": Scenario(16, 180, 1, 100, (_key(22), _chain(30, 29), _hierarchy(30, 32, 34, 34))),
    "large_blocks": Scenario(130, 70, 3, 150, (_key(18), _chain(28, 28), _hierarchy(26, 28, 30, 30))),
    "extremes": Scenario(64, 48, 1, 10, (_key(0), _chain(127, 0), _hierarchy(0, 127, 12, 11), _key(127), _chain(60))),
}


def make(tables: CodecTables) -> dict[str, tuple[MadeUnit, ...]]:
    """All golden streams."""
    streams = {}
    for seed, (name, scenario) in enumerate(SCENARIOS.items(), start=1):
        header = synthetic_header(scenario.width, scenario.height, scenario.block_log2)
        streams[name] = make_stream(tables, header, scenario.plans, seed, scenario.escape_odds)
    return streams


def tables_checksum(tables: CodecTables) -> str:
    """CRC-32 over the stored tensors in the order of their names."""
    crc = 0
    for _, tensor in sorted(tables.to_tensors().items()):
        crc = zlib.crc32(tensor.astype(tensor.dtype.newbyteorder("<")).tobytes(), crc)
    return f"{crc:08x}"


def describe(data: bytes, frames: tuple) -> dict[str, object]:
    """The entry of golden.json of one access unit."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "latents": [f"{latent_checksum((frame,)):08x}" for frame in frames]}


def read_units(name: str) -> list[bytes]:
    """The access units of a stored stream."""
    data, units = (FOLDER / f"{name}.bin").read_bytes(), []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        units.append(data[4:end])
        data = data[end:]
    return units


def read_description() -> dict:
    """golden.json."""
    return json.loads((FOLDER / "golden.json").read_text())


def main() -> None:
    """Write every stream and golden.json."""
    tables = synthetic_tables()
    description = {"tables_crc32": tables_checksum(tables), "streams": {}}
    for name, made in make(tables).items():
        units = [item.unit.to_bytes() for item in made]
        (FOLDER / f"{name}.bin").write_bytes(b"".join(len(unit).to_bytes(4, "big") + unit for unit in units))
        description["streams"][name] = [describe(unit, item.frames) for unit, item in zip(units, made)]
    (FOLDER / "golden.json").write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    main()
