"""The metrics of a ladder, one small class a file.

A new one is a new file here: nothing else has to know of it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from .base import Figure, Metric, MetricOption, Pair

__all__ = ["Figure", "Metric", "MetricOption", "Pair", "all_metrics", "all_options"]


def all_metrics(files: Mapping[str, str] | None = None) -> dict[str, Metric]:
    """Every metric by its name, in the order in which a ladder lists them.

    files: what the user named, by the names of the metrics' options.
    """
    metrics = [kind(files or {}) for kind in _kinds()]
    return {metric.name: metric for metric in sorted(metrics, key=lambda metric: metric.place)}


def all_options() -> list[MetricOption]:
    """The options of all metrics, in the metrics' order."""
    kinds = sorted(_kinds(), key=lambda kind: kind.place)
    return [kind.option for kind in kinds if kind.option is not None]


def _kinds() -> list[type[Metric]]:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return list(Metric.kinds())
