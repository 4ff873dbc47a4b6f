"""Decodes the corpus with the second decoder: plain Python from the bytes of the files to the
checksums of the frames.

``python -m tests.conformance.second_decoder [NAME ...]`` prints, as JSON, the lines that the
manifests should have, by part and name.  A name may be that of a part too, as in 2/chain.  With
``--pictures`` they are those of the pictures of version 2.  Imports nothing beside Python itself
and the reference modules.
"""

from __future__ import annotations

import json
import sys
import zipfile
import zlib
from pathlib import Path

from .reference_v1.decoder import ReferenceDecoder, checksum
from .reference_v1.files import access_units, attached_model, model_identity, read_tables
from .reference_v1.syntax import parse_unit
from .reference_v2.decoder import SecondReferenceDecoder

FOLDER = Path(__file__).parent
HOMES = FOLDER, FOLDER / "v2"  # of manifest and models, by version
DECODERS = {"1": ReferenceDecoder, "2": SecondReferenceDecoder}  # by version of the format
STRUCTURES = ("keyframe", "chain", "hierarchy")


def model_of(data: bytes, entry: dict, home: Path) -> dict[str, bytes]:
    """The files of the model a file was made with: those attached to it, or those of the corpus."""
    attached = attached_model(data)
    if attached is not None:
        return attached
    with zipfile.ZipFile(home / "models" / f"{entry['model']}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def decode(
    version: str, entry: dict, home: Path, tables: dict[str, dict], *, pictures: bool = False
) -> list[str]:
    """The lines of one file; ``tables`` keeps what was read of models, by identity."""
    data = (FOLDER / entry["file"]).read_bytes()
    files = model_of(data, entry, home)
    identity = model_identity(files)
    if identity not in tables:
        tables[identity] = read_tables(files["codec/tables.safetensors"])
    decoder, lines = DECODERS[version](tables[identity]), []
    for unit in access_units(data):
        frames = decoder.decode(unit)
        if decoder.header["model_sha256"] != identity:
            raise ValueError(f"needs model {decoder.header['model_sha256']}, has {identity}")
        if pictures:
            lines.append(" ".join(f"{zlib.crc32(decoder.shown(frame)):08x}" for frame in frames))
            continue
        structure = STRUCTURES[parse_unit(unit).structure]
        lines.append(" ".join([structure, *(f"{checksum([frame]):08x}" for frame in frames)]))
    return lines


def main(names: list[str]) -> None:
    """Decode the files of those names, or all."""
    pictures = "--pictures" in names
    names = [name for name in names if name != "--pictures"]
    tables: dict[str, dict] = {}
    found: dict[str, dict] = {}
    for home in HOMES:
        manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
        for part, whole in manifest.items():
            found[part] = {
                name: decode(part.partition(".")[0], entry, home, tables, pictures=pictures)
                for name, entry in whole["streams"].items()
                if not names or name in names or f"{part}/{name}" in names
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
