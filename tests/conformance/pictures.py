"""The exact pictures of the corpus: FORMAT-2.md, annex A, over every frame of its files.

``python -m tests.conformance.pictures`` in the repository root decodes all files whose models make
pictures, and prints what does not agree with v2/pictures.json; ``--write`` makes that file where it
is not there yet.  Needs bitstream/ and nothing of videocodec/.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.formats import format_of, loop_networks
from bitstream.latent_decoder import LatentDecoder
from bitstream.v2.shown_pictures import rounded, shown_picture

from . import corpus

MANIFEST = "pictures.json"
VERSIONS = tuple(n for n in corpus.VERSIONS if format_of(n).moves_pictures)
# SHA-256 of the manifest (``corpus.digest``): pictures of files that exist never change.
PINNED = {2: "10a1e58df61a964ed13cd62a0126aa1c871793aedc2b013a3addaac69c483f31"}


def manifest(version: int) -> dict[str, dict]:
    """What is said of the pictures of every file of a version."""
    return json.loads((corpus.home(version) / MANIFEST).read_text(encoding="utf-8"))


def pictures(stream: corpus.Stream, tables: Tables) -> Iterator[tuple[AccessUnit, list]]:
    """Access units with the pictures (H, W, 3) uint8 of their frames in display order, cropped to
    the size that the header names: those that the decoder made of references where there are any.
    """
    networks, decoder = loop_networks(tables), LatentDecoder(tables)
    assert networks is not None
    for data in corpus.units_of(stream):
        unit = AccessUnit.parse(data)
        frames, references = decoder.decode_with_references(unit)
        header, made = decoder.header, []
        for frame, reference in zip(frames, references, strict=True):
            known = reference.made_picture
            picture = (
                shown_picture(networks, frame.latents, frame.quantiser_map)
                if known is None
                else rounded(known)
            )
            made.append(np.ascontiguousarray(picture[: header.height, : header.width]))
        yield unit, made


def found_in(stream: corpus.Stream, tables: Tables) -> dict:
    """What the manifest should say of a file: the CRC-32 of every picture, a line for every access
    unit, and the SHA-256 of all pictures one after another, row by row, red, green and blue.
    """
    everything, lines = hashlib.sha256(), []
    for _, made in pictures(stream, tables):
        lines.append(" ".join(f"{zlib.crc32(picture.tobytes()):08x}" for picture in made))
        for picture in made:
            everything.update(picture.tobytes())
    return {"pictures_sha256": everything.hexdigest(), "units": lines}


def found(
    versions: Iterable[int] = VERSIONS, names: Collection[str] | None = None
) -> Iterator[tuple[corpus.Stream, dict]]:
    """The same for all files of some versions, or those of these names, whose models make
    pictures.
    """
    for version in set(versions) & set(VERSIONS):
        models: dict[str, Tables] = {}
        for stream in corpus.streams((version,)):
            if names is not None and stream.name not in names:
                continue
            if stream.model not in models:
                models[stream.model] = corpus.load_tables(version, stream.model)
            if loop_networks(models[stream.model]) is not None:
                yield stream, found_in(stream, models[stream.model])


def disagreements(
    versions: Iterable[int] = VERSIONS, names: Collection[str] | None = None
) -> list[str]:
    """One line for every file whose pictures are not those of the manifest."""
    return [
        f"version {stream.version}, {stream.name}: its pictures are others"
        for stream, entry in found(versions, names)
        if manifest(stream.version).get(stream.name) != entry
    ]


def main() -> int:
    """Compare, or write what is not there yet; exit status 0 if all agrees."""
    if "--write" in sys.argv[1:]:
        for version in VERSIONS:
            path = corpus.home(version) / MANIFEST
            entries = {stream.name: entry for stream, entry in found((version,))}
            with path.open("x", encoding="utf-8") as file:  # what is there stays
                file.write(json.dumps(entries, indent=1) + "\n")
            print(f"{path}: {corpus.digest(entries)}")
        return 0
    problems = disagreements()
    count = sum(len(manifest(version)) for version in VERSIONS)
    print("\n".join(problems) or f"the pictures of {count} files agree with their manifest")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
