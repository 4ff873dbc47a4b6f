"""The version of this package, in the one place that the build and `videocodec --version` both
read.
"""

from __future__ import annotations

__version__ = "0.1.0"
