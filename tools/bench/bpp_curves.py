"""Figures of a picture coder over its bits per pixel."""

from __future__ import annotations

import numpy as np

from tools.bench.markdown import Table


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
