"""What a benchmark found, with everything needed to find it again: ``results/NAME.json``.

A file is one object: ``name``, ``command``, ``date``, ``commit`` (with ``+`` if files differed from
it), ``carried_over`` (true for figures that were measured before these files existed; then
``commit`` is the one that brought them into the docs), ``machine``, ``model`` (name → SHA-256),
``clips`` (name → SHA-256), ``notes`` and ``tables`` (name → ``columns``, ``formats``, ``rows``).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.bench.markdown import Table
from videocodec.cores import usable_cores
from videocodec.ladder.machine import processor
from videocodec.models.bundle import ModelBundle

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"


@dataclass
class Results:
    """The figures of one run of one benchmark."""

    name: str
    command: str
    date: str
    commit: str | None
    carried_over: bool = False
    machine: dict[str, object] = field(default_factory=dict)
    model: dict[str, str] = field(default_factory=dict)
    clips: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the file: a line for every row."""
        head = {name: value for name, value in asdict(self).items() if name != "tables"}
        lines = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
        tables = []
        for name, table in self.tables.items():
            rows = ",\n".join(
                f"        {json.dumps(list(row), ensure_ascii=False)}" for row in table.rows
            )
            columns, formats = (
                json.dumps(list(value), ensure_ascii=False)
                for value in (table.columns, table.formats)
            )
            tables.append(
                f'    {json.dumps(name)}: {{\n      "columns": {columns},\n      "formats":'
                f' {formats},\n      "rows": [\n{rows}\n      ]\n    }}'
            )
        return f'{lines},\n  "tables": {{\n' + ",\n".join(tables) + "\n  }\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """The reverse of ``to_json``."""
        read = json.loads(text)
        tables = {name: Table(**table) for name, table in read.pop("tables").items()}
        return cls(**read, tables=tables)


class Report:
    """Prints what a benchmark finds and, where ``--results`` asks for it, writes it to a file.

    args: of ``options.parse``.  models: bundles the figures depend on.  clips: the files that were
    measured.
    """

    def __init__(
        self, args: Namespace, *, models: Iterable[ModelBundle] = (), clips: Iterable[Path] = ()
    ) -> None:
        self._path: Path | None = args.results
        self._results = Results(args.bench, args.command, date.today().isoformat(), None)
        self._models, self._clips = list(models), list(clips)

    def table(self, name: str, table: Table, title: str = "") -> None:
        """Print a table and keep it for the file."""
        print(f"\n{title}\n" if title else "")
        print(table.markdown(), flush=True)
        self._results.tables[name] = table

    def note(self, text: str) -> None:
        """Print a sentence and keep it for the file."""
        print(f"\n{text}", flush=True)
        self._results.notes.append(text)

    def save(self) -> None:
        """Write the file, if one is wanted."""
        if self._path is None:
            return
        results = self._results
        results.commit, results.machine = commit(), machine()
        results.model = {bundle.name: bundle.sha256 for bundle in self._models}
        results.clips = hashes(self._clips)
        save(results, self._path)


def save(results: Results, path: Path) -> None:
    """Write a file, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(results.to_json(), encoding="utf-8")
    print(f"\nwrote {path}")


def load(folder: Path = RESULTS) -> Mapping[str, Results]:
    """All files of a folder, by their names without suffix."""
    return {
        path.stem: Results.from_json(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """Name without suffix → SHA-256 of the file."""
    versions = {}
    for path in paths:
        with path.open("rb") as file:
            versions[path.stem] = hashlib.file_digest(file, "sha256").hexdigest()
    return versions


def machine() -> dict[str, object]:
    """Processor, cores, load and versions, here and now."""
    packages: dict[str, str | None] = {}
    for name in ("torch", "numpy", "av"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        **packages,
    }


def commit() -> str | None:
    """The commit of the checkout, with ``+`` if tracked files outside ``results/`` and ``docs/``
    differ from it; None outside a checkout.
    """
    try:
        head, changes = (
            subprocess.run(
                ["git", "-C", str(ROOT), *words],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
            for words in (
                ("rev-parse", "HEAD"),
                (
                    "status",
                    "--porcelain",
                    "--untracked-files=no",
                    "--",
                    ".",
                    ":!results",
                    ":!docs",
                ),
            )
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changes else "")
