"""Where a file is written until it is complete."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_NAME_SHOWN = 40  # characters of the target's name: with all of a long one, the file's own would be too long


def unfinished_name(target: Path) -> Path:
    """A hidden name in the target's folder that no other file and no other process has, so that nothing of the user's is touched
    and a rename makes the target appear in one step."""
    return target.with_name(f".{target.name[:_NAME_SHOWN]}.{os.getpid()}-{secrets.token_hex(3)}.part")
