"""Streams of random decisions of format version 2.

The place of a scenario among the others is its seed.
"""

from __future__ import annotations

from .blocks import BLOCKS
from .levels import LEVELS
from .structures import STRUCTURES

SECOND_SCENARIOS = LEVELS | BLOCKS | STRUCTURES

__all__ = ["SECOND_SCENARIOS"]
