"""Counts what a corpus reaches: ``python -m tests.conformance.coverage [VERSION]`` prints how often
every element of the corpus of a version of the format, 1 if it is not said, was seen.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from . import corpus
from .editions import EDITIONS


def measure(version: int, streams: Iterable[corpus.Stream] | None = None) -> Counter[str]:
    """Decode files of a version, those or all, and count what is met."""
    seen, tables = EDITIONS[version].seen(), {}
    for stream in corpus.streams((version,)) if streams is None else streams:
        if stream.model not in tables:
            stored = corpus.load_tables(version, stream.model, stream.folder)
            tables[stream.model] = seen.watched(stored)
        units = list(corpus.decode(stream, tables[stream.model], seen))
        for data, (unit, frames) in zip(corpus.units_of(stream), units, strict=True):
            seen.unit(data, unit, frames)
        seen.stream([unit for unit, _ in units], stream)
    return seen.counts


def main(arguments: list[str]) -> None:
    """Print elements with their counts, as a table."""
    version = int(arguments[0]) if arguments else 1
    counts = measure(version)
    print("| element | seen |\n|---|---|")
    for key in EDITIONS[version].required():
        print(f"| {key} | {counts[key]} |")


if __name__ == "__main__":
    main(sys.argv[1:])
