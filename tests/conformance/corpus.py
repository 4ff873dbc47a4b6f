"""The conformance corpus as it lies here: its manifest, its models, its files, and decoding them.

Needs bitstream/ and nothing of videocodec/, so that it runs where there is no torch.  As a program
it decodes every file and prints what does not agree with the manifest: ``python -m
tests.conformance.corpus`` in the repository root.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.container import StreamReader
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.model_identity import model_sha256
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.observer import Observer
from bitstream.v1.tables import CodecTables
from bitstream.v2.tables import LevelTables

FOLDER = Path(__file__).parent
DRAFT = FOLDER / "draft"  # a corpus of its own: manifest, models and files of what is not frozen
MANIFEST = "manifest.json"

# SHA-256 of the manifest's parts that are frozen: a version of the format, "1", and files that were
# added to it later, "1.1", "1.2", … An entry here is never changed again: decoded integers that
# differ are a new version of the format.
FROZEN = {
    "1": "99bad1afd61f2d6fb5e2985bb778718ecd09dc323c60598ba04970d0f1e1471b",
    "1.1": "54bfef3f9d636adee861ca15e4984b5ebed9a61ab414da050dc34d37f169b70c",
}


def read_manifest(folder: Path = FOLDER) -> dict[str, dict]:
    """What the manifest says, by its parts: a format version, or files added to one later."""
    return json.loads((folder / MANIFEST).read_text())


def digest(entry: dict) -> str:
    """SHA-256 of a part's entry, whatever its layout."""
    return hashlib.sha256(
        json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


@dataclass(frozen=True)
class Stream:
    """One file of the corpus.  part: of the manifest; entry: what that says about it."""

    part: str
    name: str
    entry: dict
    folder: Path

    @property
    def version(self) -> int:
        """Of the format."""
        return int(self.part.partition(".")[0])

    @property
    def path(self) -> Path:
        """The MP4 file."""
        return self.folder / self.entry["file"]

    @property
    def model(self) -> str:
        """Name of the model it was made with."""
        return self.entry["model"]


def streams(folder: Path = FOLDER) -> list[Stream]:
    """All files of all parts."""
    manifest = read_manifest(folder)
    return [
        Stream(part, name, entry, folder)
        for part, whole in manifest.items()
        for name, entry in whole["streams"].items()
    ]


def model_files(name: str, folder: Path = FOLDER) -> dict[str, bytes]:
    """The files of a model's bundle, by their names in it."""
    with zipfile.ZipFile(folder / "models" / f"{name}.zip") as archive:
        return {entry: archive.read(entry) for entry in sorted(archive.namelist())}


def identity(files: dict[str, bytes]) -> str:
    """``model_sha256`` of a bundle's files."""
    return model_sha256((name, len(content), [content]) for name, content in sorted(files.items()))


def load_tables(name: str, folder: Path = FOLDER) -> CodecTables | LevelTables:
    """The tables of a model of the corpus, of the version that they name."""
    from safetensors.numpy import load

    data = model_files(name, folder)["codec/tables.safetensors"]
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    is_draft = head.get("__metadata__", {}).get("format_version") == "2"
    return (LevelTables if is_draft else CodecTables).from_tensors(load(data), name)


def unpack_models(target: Path, folder: Path = FOLDER) -> Path:
    """Write all models as folders below ``target``, which can be $VIDEOCODEC_MODELS then."""
    for archive in sorted((folder / "models").glob("*.zip")):
        for name, content in model_files(archive.stem, folder).items():
            path = target / archive.stem / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return target


def units_of(stream: Stream) -> list[bytes]:
    """The access units of a file, by the product's reader."""
    return [sample.data for sample in StreamReader(stream.path).units()]


def decode(
    stream: Stream, tables: Tables, observer: Observer | None = None
) -> Iterator[tuple[AccessUnit, tuple[LatentFrame, ...]]]:
    """Access units with their frames in display order.  Raises ``BitstreamError``."""
    decoder = LatentDecoder(tables, observer=observer)
    for data in units_of(stream):
        unit = AccessUnit.parse(data)
        yield unit, decoder.decode(unit)


def describe(unit: AccessUnit, frames: tuple[LatentFrame, ...]) -> str:
    """A unit's line in the manifest: its structure, and the CRC-32 of every frame's latents in
    display order.
    """
    return " ".join(
        [unit.structure.name.lower(), *(f"{latent_checksum((frame,)):08x}" for frame in frames)]
    )


def found_in(stream: Stream, tables: Tables) -> list[str]:
    """The lines that decoding gives; an error is the last of them."""
    lines = []
    try:
        for unit, frames in decode(stream, tables):
            lines.append(describe(unit, frames))
    except ValueError as error:
        lines.append(f"error: {error}")
    return lines


def disagreements(folder: Path = FOLDER, names: Collection[str] | None = None) -> list[str]:
    """One line for every file, of those names or of all, whose latents are not those of the
    manifest.
    """
    chosen = [stream for stream in streams(folder) if names is None or stream.name in names]
    tables = {name: load_tables(name, folder) for name in {stream.model for stream in chosen}}
    problems = []
    for stream in chosen:
        found = found_in(stream, tables[stream.model])
        if found != stream.entry["units"]:
            where = next(
                (
                    i
                    for i, pair in enumerate(zip(found, stream.entry["units"], strict=True))
                    if pair[0] != pair[1]
                ),
                len(found),
            )
            got = found[where] if where < len(found) else "nothing"
            problems.append(
                f"version {stream.version}, {stream.name}: access unit {where} gives {got}"
            )
    return problems


def tables_checksum(tables: CodecTables | LevelTables) -> str:
    """CRC-32 over the stored tensors in the order of their names."""
    crc = 0
    for _, tensor in sorted(tables.to_tensors().items()):
        crc = zlib.crc32(tensor.astype(tensor.dtype.newbyteorder("<")).tobytes(), crc)
    return f"{crc:08x}"


def main() -> int:
    """Decode everything; exit status 0 if all agrees."""
    problems = [*disagreements(), *disagreements(DRAFT)]
    some, drafts = len(streams()), len(streams(DRAFT))
    print(
        "\n".join(problems)
        or f"{some} files agree with the manifest, and {drafts} of the draft with its own"
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
