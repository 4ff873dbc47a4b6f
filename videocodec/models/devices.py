"""Names of the devices networks run on.  No torch here: the command line's help needs it."""

from __future__ import annotations

DEVICES = ("auto", "cpu", "cuda", "mps")
