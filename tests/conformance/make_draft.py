"""Makes the corpus of the draft anew: ``python -m tests.conformance.make_draft`` in the repository
root.

Run it whenever FORMAT-2.md says something else than before; nothing of it is frozen.  When the
draft is, its models, scenarios and encodings become a part of the other corpus.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from bitstream.formats import FORMATS

from . import corpus
from .encodings import SECOND_ENCODINGS
from .make_corpus import encode, entry_of, units_of, write_units
from .make_models import write_archive
from .scenarios.second import SECOND_SCENARIOS
from .second_models import SECOND_MODELS, make_second_files

PART = "2"


def write_models(folder: Path) -> dict[str, dict]:
    """All of them as archives below a folder → the manifest's entries."""
    (folder / "models").mkdir(exist_ok=True, parents=True)
    models = {}
    for name in SECOND_MODELS:
        files = make_second_files(name)
        write_archive(files, folder / "models" / f"{name}.zip")
        models[name] = {"sha256": corpus.identity(files)}
    return models


def write_scenario(name: str, sha256: str, folder: Path) -> dict:
    """The file of a scenario → the manifest's entry."""
    scenario, path = SECOND_SCENARIOS[name], folder / f"v{PART}" / f"{name}.mp4"
    tables = corpus.load_tables(scenario.model, folder)
    seed = 1 + list(SECOND_SCENARIOS).index(name)
    write_units(units_of(scenario, seed, tables, sha256), path)
    return entry_of(path, scenario.about, "random decisions", scenario.model, tables)


def write_encoding(name: str, folder: Path) -> dict:
    """A file of the real encoder → the manifest's entry."""
    encoding, path = SECOND_ENCODINGS[name], folder / f"v{PART}" / f"{name}.mp4"
    with tempfile.TemporaryDirectory() as temporary:
        encode(encoding, corpus.unpack_models(Path(temporary), folder), path)
    settings = ", ".join(f"{key} {value}" for key, value in encoding.settings.items())
    tables = corpus.load_tables(encoding.model, folder)
    made_by = f"videocodec encode: {settings}"
    return entry_of(path, encoding.about, made_by, encoding.model, tables)


def make(folder: Path, names: Collection[str] | None = None) -> dict:
    """Write models and files below a folder, those of that name or all → the manifest's entry."""
    (folder / f"v{PART}").mkdir(parents=True)
    models, streams = write_models(folder), {}
    for name, scenario in SECOND_SCENARIOS.items():
        if names is None or name in names:
            streams[name] = write_scenario(name, models[scenario.model]["sha256"], folder)
    for name in SECOND_ENCODINGS:
        if names is None or name in names:
            streams[name] = write_encoding(name, folder)
    return {"draft": True, "models": models, "streams": streams}


def main(arguments: list[str] | None = None, target: Path = corpus.DRAFT) -> int:
    """Make all of it, in place of what is there."""
    argparse.ArgumentParser(prog="make_draft", description=__doc__.splitlines()[0]).parse_args(
        arguments
    )
    if FORMATS[int(PART)].is_frozen:
        print(f"make_draft: error: version {PART} of the format is frozen", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / target.name
        manifest = {PART: make(made)}
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        (made / corpus.MANIFEST).write_text(text, encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    print(f"the draft of version {PART}: {len(manifest[PART]['streams'])} files")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
