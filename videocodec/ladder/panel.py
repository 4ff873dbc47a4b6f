"""The panel: what all measures together say of a codec, since one measure that is also the aim
decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .analysis_schema import Mean, PanelEntry


def panel(means: Sequence[Mean], members: Sequence[str]) -> list[PanelEntry]:
    """For every codec of ``means``: the mean of its BD-rates over the panel, and the worst member.

    members: names of figures.  All means are of ratios: half the bytes in one measure and double
    in another are a draw.  A member without any BD-rate does not count, which the entry shows.
    """
    entries: list[PanelEntry] = []
    for codec in dict.fromkeys(mean["codec"] for mean in means):
        by_figure = {mean["figure"]: mean for mean in means if mean["codec"] == codec}
        by_figure = {name: by_figure[name] for name in members if name in by_figure}
        rates = {name: mean["bd_rate_percent_geometric"] for name, mean in by_figure.items()}
        measured = {name: rate for name, rate in rates.items() if rate is not None}
        entries.append(
            {
                "codec": codec,
                "bd_rate_percent": geometric_mean(list(measured.values())) if measured else None,
                "members": rates,
                "worst": max(measured, key=measured.__getitem__) if measured else None,
                "better": sum(mean["better"] for mean in by_figure.values()),
                "worse": sum(mean["worse"] for mean in by_figure.values()),
            }
        )
    return entries


def geometric_mean(percents: Sequence[float]) -> float:
    """Of changes in percent, all above -100."""
    return float(100 * np.expm1(np.mean(np.log1p(np.array(percents) / 100))))
