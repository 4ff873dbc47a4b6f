"""Figures of a picture coder over its bits per pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tools.bench.markdown import Table


def at_equal_bytes(
    curves: Mapping[str, Table], rates: Sequence[float], formats: Sequence[str]
) -> Table:
    """A row for each rate, bits per pixel, and each codec; formats: of the figures."""
    columns = next(iter(curves.values())).columns[2:]
    table = Table(["bpp", "codec", *columns], ["{:g}", "{}", *formats])
    for bpp in rates:
        for name, figures in curves.items():
            table.add(bpp, name, *at_bpp(figures, bpp))
    return table


def at_bpp(table: Table, bpp: float) -> list[float | None]:
    """Figures interpolated in log bpp; None outside the curve.

    table: rows of a name, bits per pixel, and the figures, all of them numbers.
    """
    points = sorted(
        [cell for cell in row[1:] if isinstance(cell, int | float)] for row in table.rows
    )
    rates = [point[0] for point in points]
    if not rates[0] <= bpp <= rates[-1]:
        return [None] * (len(points[0]) - 1)
    return [
        float(np.interp(np.log(bpp), np.log(rates), [point[i] for point in points]))
        for i in range(1, len(points[0]))
    ]
