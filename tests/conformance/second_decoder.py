"""Decodes the corpus with the second decoder: plain Python from the bytes of the files to the
checksums of the frames.

``python -m tests.conformance.second_decoder [NAME ...]`` prints, as JSON, the lines that the
manifest should have, by part and name. Imports nothing beside Python itself and the reference
modules.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from .reference_v1.decoder import ReferenceDecoder, checksum
from .reference_v1.files import access_units, attached_model, model_identity, read_tables
from .reference_v1.syntax import parse_unit

FOLDER = Path(__file__).parent
STRUCTURES = ("keyframe", "chain", "hierarchy")


def model_of(data: bytes, entry: dict) -> dict[str, bytes]:
    """The files of the model a file was made with: those attached to it, or those of the corpus."""
    attached = attached_model(data)
    if attached is not None:
        return attached
    with zipfile.ZipFile(FOLDER / "models" / f"{entry['model']}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def decode(entry: dict, tables: dict[str, dict]) -> list[str]:
    """The lines of one file; ``tables`` keeps what was read of models, by identity."""
    data = (FOLDER / entry["file"]).read_bytes()
    files = model_of(data, entry)
    identity = model_identity(files)
    if identity not in tables:
        tables[identity] = read_tables(files["codec/tables.safetensors"])
    decoder, lines = ReferenceDecoder(tables[identity]), []
    for unit in access_units(data):
        frames = decoder.decode(unit)
        if decoder.header["model_sha256"] != identity:
            raise ValueError(f"needs model {decoder.header['model_sha256']}, has {identity}")
        lines.append(
            " ".join(
                [
                    STRUCTURES[parse_unit(unit).structure],
                    *(f"{checksum([frame]):08x}" for frame in frames),
                ]
            )
        )
    return lines


def main(names: list[str]) -> None:
    """Decode the files of those names, or all."""
    tables: dict[str, dict] = {}
    found = {}
    for part, whole in json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8")).items():
        chosen = {
            name: entry for name, entry in whole["streams"].items() if not names or name in names
        }
        found[part] = {name: decode(entry, tables) for name, entry in chosen.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
