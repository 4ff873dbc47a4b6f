"""Makes the conformance corpus again: ``python -m tests.conformance.make_corpus`` in the repository
root.

What is frozen is not made again: that is what it is for.  A version that is not is made as often as
it changes: ``--part 2``.  Files that a version turned out to lack are a part of their own: ``--part
1.1``.  Files of random decisions come out as the same bytes on every machine; those of the real
encoder need not, since another processor may round the autoencoder otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bitstream.container import StreamReader, StreamWriter
from bitstream.group_structure import Structure

from ..bitstream.synthetic import MadeUnit
from . import corpus
from .editions import EDITIONS, Edition
from .encodings import Encoding
from .make_models import write_archive
from .scenarios import header_of


def make_units(
    version: int, name: str, tables: Any, model_sha256: str
) -> list[tuple[bytes, MadeUnit]]:
    """The access units of a stream of random decisions, as bytes and as what they must decode
    to.
    """
    scenarios = EDITIONS[version].scenarios
    scenario = scenarios[name]
    maker = scenario.maker(tables, 1 + list(scenarios).index(name))
    usual = maker.header
    maker.start_at(scenario.first_pts)
    made, keyframes = [], 0
    for plan in scenario.plans:
        if plan.structure == Structure.KEYFRAME:
            header = header_of(scenario, keyframes, replace(usual, model_name=scenario.model))
            maker.header = replace(header, model_sha256=model_sha256)
            keyframes += 1
        unit = maker.make(plan)
        made.append((scenario.as_bytes(unit.unit), unit))
    return made


def write_units(made: list[tuple[bytes, MadeUnit]], path: Path) -> None:
    """An MP4 file of them."""
    path.unlink(missing_ok=True)
    with StreamWriter(path, made[0][1].unit.header.time_base) as writer:
        for data, unit in made:
            writer.write(data, unit.unit.first_pts, unit.unit.duration)
        writer.commit()


def scene(encoding: Encoding) -> list[np.ndarray]:
    """A slow pan over waves, with a square that crosses it."""
    y, x = np.mgrid[: encoding.height, : encoding.width]
    frames = []
    for t in range(encoding.frames):
        u, v = x + 1.5 * t, y + 0.5 * t
        waves = [
            np.sin(u / a + phase) * np.cos(v / b) + 0.5 * np.sin((u + v) / c)
            for phase, (a, b, c) in enumerate(((9, 13, 4), (21, 7, 5), (15, 17, 6)))
        ]
        picture = 128 + 55 * np.stack(waves, -1)
        left = (encoding.width * t // max(encoding.frames, 1) + 5) % encoding.width
        picture[encoding.height // 3 : encoding.height // 3 + 20, left : left + 18] = (230, 40, 60)
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return frames


def write_movie(encoding: Encoding, path: Path) -> None:
    """The scene as an H.264 movie, with a tone and a subtitle if it is to have tracks."""
    with av.open(str(path), "w") as container:
        odd = encoding.width % 2 or encoding.height % 2
        stream = container.add_stream(
            "libx264",
            rate=25,
            width=encoding.width,
            height=encoding.height,
            pix_fmt="yuv444p" if odd else "yuv420p",
        )
        stream.codec_context.options = {"crf": "4", "preset": "ultrafast"}
        sound = (
            container.add_stream("aac", rate=16000, layout="mono", bit_rate=24000)
            if encoding.tracks
            else None
        )
        text = container.add_mux_stream("mov_text") if encoding.tracks else None
        for index, picture in enumerate(scene(encoding)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (
                encoding.pts[index] if encoding.pts else index,
                Fraction(1, 25),
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            for index in range(encoding.frames * 16000 // 25 // 1024):
                tone = np.sin((np.arange(1024) + 1024 * index) * 0.15)[None].astype(np.float32) / 4
                block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = (
                    16000,
                    1024 * index,
                    Fraction(1, 16000),
                )
                container.mux(sound.encode(block))
            container.mux(sound.encode())
            text.time_base = Fraction(1, 1000)
            packet = av.Packet(b"\0\5hello")
            packet.stream, packet.time_base, packet.pts, packet.dts, packet.duration = (
                text,
                Fraction(1, 1000),
                200,
                200,
                900,
            )
            container.mux(packet)


def encode(encoding: Encoding, models: Path, path: Path) -> None:
    """A file of the real encoder."""
    from videocodec import encode as encode_video

    movie = models / "movie.mp4"
    write_movie(encoding, movie)
    encode_video(
        movie,
        path,
        model=models / encoding.model,
        device="cpu",
        threads=1,
        overwrite=True,
        **encoding.settings,
    )


def entry_of(path: Path, about: str, made_by: str, model: str, tables: Any) -> dict:
    """What the manifest says of a file, which lies in the folder of its version."""
    header = StreamReader(path).header
    entry = {
        "file": f"{path.parent.name}/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "about": about,
        "made_by": made_by,
        "model": model,
        "width": header.width,
        "height": header.height,
        "block": header.block_size,
        "latents": (
            f"{header.latent_channels} channels, {header.latent_height} rows, {header.latent_width}"
            " columns"
        ),
    }
    stream = corpus.Stream(str(header.format_version), path.stem, entry, path.parents[1])
    units = list(corpus.decode(stream, tables))
    everything = hashlib.sha256(
        b"".join(frame.latents.astype("<i2").tobytes() for _, frames in units for frame in frames)
    )
    lines = [corpus.describe(unit, frames) for unit, frames in units]
    return entry | {
        "frames": sum(unit.frame_count for unit, _ in units),
        "latents_sha256": everything.hexdigest(),
        "units": lines,
    }


def write_models(edition: Edition, added: int, folder: Path) -> dict[str, dict]:
    """Those of a version that it began with (0) or that were added at some time, as archives →
    the manifest's entries.
    """
    target, entries = corpus.home(edition.version, folder) / "models", {}
    target.mkdir(exist_ok=True, parents=True)
    for name, when in edition.models.items():
        if when == added:
            files = edition.make_files(name)
            write_archive(files, target / f"{name}.zip")
            entries[name] = {"sha256": corpus.identity(files)}
    return entries


def write_encoding(edition: Edition, name: str, tables: Any, folder: Path) -> dict:
    """A file of the real encoder → the manifest's entry."""
    encoding, path = edition.encodings[name], folder / f"v{edition.version}" / f"{name}.mp4"
    with tempfile.TemporaryDirectory() as temporary:
        models = corpus.unpack_models(Path(temporary), edition.version, folder)
        encode(encoding, models, path)
    settings = ", ".join(f"{key} {value}" for key, value in encoding.settings.items())
    made_by = f"videocodec encode: {settings}"
    return entry_of(path, encoding.about, made_by, encoding.model, tables)


def make(folder: Path, version: int, added: int = 0) -> dict:
    """Write models and files of a version below ``folder``, those it began with (0) or those added
    at some time → the manifest's entry of that part.
    """
    edition, target = EDITIONS[version], folder / f"v{version}"
    target.mkdir(exist_ok=True, parents=True)
    models, streams = write_models(edition, added, folder), {}
    tables = {name: corpus.load_tables(version, name, folder) for name in models}
    for name, scenario in edition.scenarios.items():
        if scenario.added != added:
            continue
        path, model = target / f"{name}.mp4", scenario.model
        write_units(make_units(version, name, tables[model], models[model]["sha256"]), path)
        streams[name] = entry_of(path, scenario.about, "random decisions", model, tables[model])
    for name, encoding in edition.encodings.items() if not added else ():
        streams[name] = write_encoding(edition, name, tables[encoding.model], folder)
    return {"models": models, "streams": streams}


def main(arguments: list[str] | None = None, folder: Path = corpus.FOLDER) -> int:
    """Make the entries of a part that is not frozen."""
    parser = argparse.ArgumentParser(prog="make_corpus", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--part",
        default=str(max(EDITIONS)),
        help="what to make entries for: 2, or 2.1 for the first files added to that"
        " (default: the newest version)",
    )
    part = parser.parse_args(arguments).part
    version, _, added = part.partition(".")
    if part in corpus.FROZEN:
        print(
            f"make_corpus: error: version {part} of the format is frozen: its files and latents are"
            " never made again. If decoded integers must change, that is a new version: see"
            " docs/format-versions.md",
            file=sys.stderr,
        )
        return 1
    if version not in map(str, EDITIONS) or not (added or "0").isdecimal():
        print(f"make_corpus: error: no version {part} of the format is known", file=sys.stderr)
        return 1
    home = corpus.home(int(version), folder)
    known = home / corpus.MANIFEST
    manifest = corpus.read_manifest(int(version), folder) if known.exists() else {}
    for entry in manifest.pop(part, {"streams": {}})["streams"].values():
        (folder / entry["file"]).unlink(missing_ok=True)  # it may not be made again
    manifest[part] = make(folder, int(version), int(added or 0))
    known.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"version {part}: {corpus.digest(manifest[part])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
