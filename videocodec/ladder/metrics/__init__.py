"""The metrics of a ladder, one small class a file.

A new one is a new file here: nothing else has to know of it.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from .base import Figure, Metric, MetricOptions, Pair

__all__ = ["Figure", "Metric", "MetricOptions", "Pair", "all_metrics"]


def all_metrics(options: MetricOptions) -> dict[str, Metric]:
    """Every metric by its name, in the order in which a ladder lists them."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    found = [kind(options) for kind in Metric.kinds()]
    return {metric.name: metric for metric in sorted(found, key=lambda metric: metric.place)}
