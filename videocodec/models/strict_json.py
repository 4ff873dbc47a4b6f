"""Configs of bundles, which come with strangers' files: small objects without surprises, or a named
error.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UnknownModelError

MAX_BYTES = 1 << 24  # of the list of a large network's shards; configs have some kB
MAX_DEPTH = 32


def read_json(file: Path) -> dict[str, object]:
    """The object in a JSON file.

    Raises ``UnknownModelError`` if there is none, or one that is larger or deeper than any config.
    """
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            raise UnknownModelError(
                f"{file}: has {size} bytes, more than the {MAX_BYTES} of the longest config"
            )
        content = json.loads(file.read_bytes())
    except RecursionError as error:
        raise UnknownModelError(f"{file}: is nested more than {MAX_DEPTH} deep") from error
    except FileNotFoundError as error:
        raise UnknownModelError(f"{file}: cannot be read (it is missing: put it there)") from error
    except (OSError, ValueError) as error:
        if isinstance(error, UnknownModelError):
            raise
        raise UnknownModelError(f"{file}: cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise UnknownModelError(
            f"{file}: cannot be read (must hold an object, holds a {type(content).__name__})"
        )
    level: list[dict[str, object] | list[object]] = [content]
    for _ in range(MAX_DEPTH):
        level = [
            value
            for each in level
            for value in (each.values() if isinstance(each, dict) else each)
            if isinstance(value, dict | list)
        ]
        if not level:
            return content
    raise UnknownModelError(f"{file}: is nested more than {MAX_DEPTH} deep")
