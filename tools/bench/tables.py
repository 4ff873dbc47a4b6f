"""Rewrites the tables in README.md and docs/ from results/.

    python -m tools.bench.tables [--check]

A page marks the place of a table or of its source, and this command fills it in:

    <!-- table: NAME.TABLE rows="first; second" columns="clip; bytes" -->
    <!-- end -->

    <!-- source: NAME -->
    <!-- end -->

NAME is a file of results/ without its suffix, TABLE a table in it (left out where there is one).
Rows and columns are named as in the file; without them all are shown.  A source is the command,
the commit, the date, the model and the machine.  ``--check`` changes nothing, and ends with status
1 if a page is not what it would make of it.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench.results import ROOT, Results, load

REGION = re.compile(
    r"^<!-- (?P<kind>table|source): (?P<what>[^\n]*?) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S
)
MARK = re.compile(r"<!-- (?:(?:table|source): |end -->)")
_SHORT = 7  # digits of a commit


def rewritten(text: str, results: Mapping[str, Results]) -> str:
    """A page with all its regions filled in.

    Raises ``KeyError`` where a region names what is not there, ``ValueError`` where a mark does not
    stand on a line of its own or has no end: text between would be lost.
    """
    regions = list(REGION.finditer(text))
    marks = [line for line in text.splitlines() if MARK.match(line)]
    if len(marks) != 2 * len(regions) or any(MARK.search(match["body"]) for match in regions):
        raise ValueError(f"marks without an end, or not on lines of their own, in: {marks}")

    def fill(match: re.Match[str]) -> str:
        make = {"table": table, "source": source}[match["kind"]]
        body = make(match["what"], results)
        return f"<!-- {match['kind']}: {match['what']} -->\n{body}\n<!-- end -->"

    return REGION.sub(fill, text)


def table(source: str, results: Mapping[str, Results]) -> str:
    """The table that a mark asks for."""
    name, *options = shlex.split(source)
    name, _, part = name.partition(".")
    tables = results[name].tables
    chosen = tables[part] if part else next(iter(tables.values()))
    wanted = dict(option.split("=", 1) for option in options)
    if unknown := wanted.keys() - {"rows", "columns"}:
        raise KeyError(f"{source}: {', '.join(unknown)}")
    return chosen.select(
        **{key: [one.strip() for one in value.split(";")] for key, value in wanted.items()}
    ).markdown()


def source(name: str, results: Mapping[str, Results]) -> str:
    """A line that says by what command, when and where it was measured."""
    stored = results[name]
    place = stored.machine
    words = [stored.date]
    if stored.commit:
        words.append(f"commit {stored.commit[:_SHORT]}{'+' * stored.commit.endswith('+')}")
    words += [f"model {model} {digest[:_SHORT]}" for model, digest in stored.model.items()]
    if place.get("processor"):
        words.append(f"{place['processor']}, {place['cores']} cores")
    if place.get("load") is not None:
        words.append(f"load {place['load']}")
    words += ["carried over"] * stored.carried_over
    commands = " and ".join(f"`{line}`" for line in stored.command.splitlines())
    return f"By {commands} ({', '.join(words)}; [all figures](RESULTS/{name}.json))."


def pages() -> list[Path]:
    """README.md and all pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def page(path: Path, results: Mapping[str, Results]) -> str:
    """What a page of the repository has to be; links in it lead to results/."""
    up = "../" * len(path.relative_to(ROOT).parent.parts)
    return rewritten(path.read_text(encoding="utf-8"), results).replace(
        "](RESULTS/", f"]({up}results/"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite or check → exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    args = parser.parse_args(arguments)
    results, differing = load(), 0
    for path in pages():
        text = page(path, results)
        if text == path.read_text(encoding="utf-8"):
            continue
        differing += 1
        print(f"{path.relative_to(ROOT)}: {'differs' if args.check else 'rewritten'}")
        if not args.check:
            path.write_text(text, encoding="utf-8")
    return int(args.check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
