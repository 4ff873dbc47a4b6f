"""Make a model bundle of format version 2, of the weights of a training and its tables.

    python -m tools.train.inter_v2  --weights FILE --clips DIR --output TABLES
    python -m tools.train.bundle_v2 --weights FILE --tables TABLES --bundle DIR [--about FILE]

The first command fits the tables to clips for training.  The second writes the networks (float16
safetensors), the tables and a model card into the folder, whose name is the model's, in place of
what was there.  ``--about`` is Markdown on data, recipe and figures of the weights, for the card;
by default the README.md beside the weights.  A bundle of other weights or tables has another
identity: streams made before need the bundle as it was.  A network for twice the size that was
there stays, since it sees decoded pictures alone (``tools.train.upscaler``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bitstream.formats import load_tables
from bitstream.v1.tables import TablesError
from bitstream.v2.tables import LevelTables
from tools.train.options import command, finish
from videocodec.errors import OutputError
from videocodec.models.files import TABLES_FILE, UPSCALER
from videocodec.training.second.bundle import install_second


def make(weights: Path, tables_file: Path, bundle: Path, about: Path) -> None:
    """Make the bundle in a folder of its own, and put it in place."""
    tables = load_tables(tables_file)
    if not isinstance(tables, LevelTables):
        raise TablesError(f"{tables_file}: no tables of format version 2")
    final = bundle.resolve()
    if final.is_dir() and any(final.iterdir()) and not (final / TABLES_FILE).is_file():
        raise OutputError(f"{bundle}: exists and is no model bundle: name another folder")
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bundling-", dir=final.parent) as workshop:
        making = Path(workshop) / final.name
        if (final / UPSCALER).is_dir():
            shutil.copytree(final / UPSCALER, making / UPSCALER)
        made = install_second(weights, tables, making, about.read_text(encoding="utf-8"))
        identity, size = made.sha256, sum(file.stat().st_size for _, file in made.files)
        shutil.rmtree(final, ignore_errors=True)
        making.rename(final)
    print(f"wrote {bundle}: model {identity[:16]}, {size / 1e6:.2f} MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and make it."""
    parser = command(__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--about", type=Path)
    args = parser.parse_args(arguments)
    about = args.about or args.weights.parent / "README.md"
    finish(lambda: make(args.weights, args.tables, args.bundle, about), 1)


if __name__ == "__main__":
    main()
