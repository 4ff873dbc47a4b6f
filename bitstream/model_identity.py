"""What a model is known by: a hash over the names, sizes and contents of all files that decoding
depends on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def model_sha256(files: Iterable[tuple[str, int, Iterable[bytes]]]) -> str:
    """SHA-256 over name, size in bytes and content, in pieces, of every file in the order of the
    names, 64 hex digits.
    """
    digest = hashlib.sha256()
    for name, size, pieces in files:
        digest.update(f"{name}\0{size}\0".encode())
        for piece in pieces:
            digest.update(piece)
    return digest.hexdigest()
