"""Which model encodes for those who name none."""

from __future__ import annotations

from typing import Final

DEFAULT_MODEL: Final = "second"  # a bundle of the package
