"""Streams of random decisions in the corpus, the same bytes on every machine.

The place of a scenario among the others is its seed.
"""

from __future__ import annotations

from .limits import LIMITS
from .models import MODELS
from .scenario import Scenario, header_of
from .shapes import SHAPES

SCENARIOS = SHAPES | LIMITS | MODELS

__all__ = ["SCENARIOS", "Scenario", "header_of"]
