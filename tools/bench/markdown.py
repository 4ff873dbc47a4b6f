"""Tables that the benchmarks print."""

from __future__ import annotations

from collections.abc import Iterable


def table(columns: Iterable[object], rows: Iterable[Iterable[object]] = ()) -> None:
    """Prints a markdown table, or its head alone."""
    columns = list(columns)
    print(f"| {' | '.join(map(str, columns))} |\n{'|---' * len(columns)}|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
