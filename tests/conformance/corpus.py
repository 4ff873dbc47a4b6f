"""The conformance corpus as it lies here: manifests, models and files of every version of the
format, and decoding them.

Needs bitstream/ and nothing of videocodec/, so that it runs where there is no torch.  As a program
it decodes every file and prints what does not agree with its manifest: ``python -m
tests.conformance.corpus`` in the repository root.

A version has a *home* with its manifest and its models: this folder is that of version 1, v2/ that
of version 2.  Files of version N are in vN/.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bitstream import formats
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
VERSIONS = (1, 2)  # of the format
MANIFEST = "manifest.json"

# SHA-256 of the parts of manifests that are frozen: a version of the format, "1", and files that
# were added to it later, "1.1", "1.2", … An entry here is never changed again: decoded integers
# that differ are a new version of the format.
FROZEN = {
    "1": "99bad1afd61f2d6fb5e2985bb778718ecd09dc323c60598ba04970d0f1e1471b",
    "1.1": "54bfef3f9d636adee861ca15e4984b5ebed9a61ab414da050dc34d37f169b70c",
    "2": "1246ab1f44bce4966a1baad098c3906cd45d6ee7b84c152b99f181605872b084",
}


def home(version: int, folder: Path = FOLDER) -> Path:
    """Where the manifest and the models of a version are, in a corpus."""
    return folder if version == 1 else folder / f"v{version}"


def version_of(part: str) -> int:
    """The version of the format that a part of a manifest belongs to."""
    return int(part.partition(".")[0])


def read_manifest(version: int, folder: Path = FOLDER) -> dict[str, dict]:
    """What the manifest of a version says, by its parts: the version, and files added later."""
    return json.loads((home(version, folder) / MANIFEST).read_text(encoding="utf-8"))


def digest(entry: dict) -> str:
    """SHA-256 of a part's entry, whatever its layout."""
    return hashlib.sha256(
        json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


@dataclass(frozen=True)
class Stream:
    """One file of the corpus.  part: of the manifest; entry: what that says about it; folder: of
    the corpus.
    """

    part: str
    name: str
    entry: dict
    folder: Path

    @property
    def version(self) -> int:
        """Of the format."""
        return version_of(self.part)

    @property
    def full_name(self) -> str:
        """With its part, as there are files of one name in several."""
        return f"{self.part}/{self.name}"

    @property
    def path(self) -> Path:
        """The MP4 file."""
        return self.folder / self.entry["file"]

    @property
    def model(self) -> str:
        """Name of the model it was made with."""
        return self.entry["model"]


def streams(versions: Iterable[int] = VERSIONS, folder: Path = FOLDER) -> list[Stream]:
    """All files of all parts of some versions."""
    return [
        Stream(part, name, entry, folder)
        for version in versions
        for part, whole in read_manifest(version, folder).items()
        for name, entry in whole["streams"].items()
    ]


def model_files(version: int, name: str, folder: Path = FOLDER) -> dict[str, bytes]:
    """The files of a model's bundle, by their names in it."""
    with zipfile.ZipFile(home(version, folder) / "models" / f"{name}.zip") as archive:
        return {entry: archive.read(entry) for entry in sorted(archive.namelist())}


def identity(files: dict[str, bytes]) -> str:
    """``model_sha256`` of a bundle's files."""
    return model_sha256((name, len(content), [content]) for name, content in sorted(files.items()))


def load_tables(version: int, name: str, folder: Path = FOLDER) -> CodecTables | LevelTables:
    """The tables of a model of the corpus, as the product reads them from a file."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / f"{name}.safetensors"
        path.write_bytes(model_files(version, name, folder)["codec/tables.safetensors"])
        return formats.load_tables(path)


def unpack_models(target: Path, version: int, folder: Path = FOLDER) -> Path:
    """Write all models of a version as folders below ``target``, which can be $VIDEOCODEC_MODELS
    then.
    """
    for archive in sorted((home(version, folder) / "models").glob("*.zip")):
        for name, content in model_files(version, archive.stem, folder).items():
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


def disagreements(
    versions: Iterable[int] = VERSIONS,
    names: Collection[str] | None = None,
    folder: Path = FOLDER,
) -> list[str]:
    """One line for every file of some versions, of those names or of all, whose latents are not
    those of the manifest.
    """
    chosen = [one for one in streams(versions, folder) if names is None or one.name in names]
    models = {(stream.version, stream.model) for stream in chosen}
    tables = {model: load_tables(*model, folder) for model in models}
    problems = []
    for stream in chosen:
        found = found_in(stream, tables[stream.version, stream.model])
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
    problems = disagreements()
    counts = " and ".join(f"{len(streams((n,)))} files of version {n}" for n in VERSIONS)
    print("\n".join(problems) or f"{counts} agree with their manifests")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
