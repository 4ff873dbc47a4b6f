"""A coded chunk as bytes: a checksum, what is known of its units, and the units themselves.

Whoever keeps chunks (a folder beside the target, the store of a farm) keeps them in this form,
under a name that stands for the chunk and for every detail of how it was to be coded.
"""

from __future__ import annotations

import hashlib
import json
from typing import Protocol

from .chunk_coder import ChunkTask, CodedChunk, CodedUnit

CHUNK_SUFFIX = ".chunk"
_DIGITS = 20  # of the hash in a name


class ChunkKeeper(Protocol):
    """Where finished chunks are kept."""

    def load(self, task: ChunkTask) -> tuple[CodedChunk, ...] | None:
        """What was kept of a task, a chunk per plan; None if it was not, or is damaged."""
        ...

    def save(self, task: ChunkTask, results: tuple[CodedChunk, ...]) -> None:
        """Keep what a task gave."""
        ...


def chunk_name(task: ChunkTask) -> str:
    """The name of a task's file: the number of its first frame, and a hash of all of the task."""
    digest = hashlib.sha256(repr(task).encode()).hexdigest()[:_DIGITS]
    return f"{task.chunk.first:08d}-{digest}{CHUNK_SUFFIX}"


def chunk_to_bytes(results: tuple[CodedChunk, ...]) -> bytes:
    """What a task gave, a chunk per plan."""
    facts = [
        {
            "units": [
                [
                    unit.first_pts,
                    unit.durations,
                    unit.size,
                    unit.crf,
                    *([unit.unheld] if unit.unheld else []),
                ]
                for unit in chunk.units
            ],
            "bytes": len(chunk.data),
        }
        for chunk in results
    ]
    content = json.dumps(facts).encode() + b"\n" + b"".join(chunk.data for chunk in results)
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def chunk_from_bytes(content: bytes) -> tuple[CodedChunk, ...] | None:
    """Of what ``chunk_to_bytes`` gave; None if it is damaged."""
    try:
        checksum, facts, data = content.split(b"\n", 2)
    except ValueError:
        return None
    if hashlib.sha256(facts + b"\n" + data).hexdigest().encode() != checksum:
        return None
    results, start = [], 0
    for chunk in json.loads(facts):
        units = tuple(
            CodedUnit(pts, tuple(durations), size, crf, *(tuple(unheld) for unheld in guarded))
            for pts, durations, size, crf, *guarded in chunk["units"]
        )
        results.append(CodedChunk(units, data[start : start + chunk["bytes"]]))
        start += chunk["bytes"]
    return tuple(results)
