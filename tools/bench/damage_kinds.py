"""Kinds of damage to the access units of a stream, at random places."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import Sample, StreamWriter

KINDS = ("flip", "zero", "forge", "truncate", "drop", "swap", "duplicate", "several")


@dataclass(frozen=True)
class Damaged:
    """What a trial makes of a stream: its samples in the order of the file, and the numbers of the
    units that were damaged or taken away; swapped and repeated ones, which nothing is lost of, do
    not count.
    """

    samples: list[Sample]
    victims: frozenset[int]


def damage(kind: str, samples: Sequence[Sample], rng: np.random.Generator) -> Damaged:
    """One kind of damage at random places."""
    out, victim = list(samples), int(rng.integers(len(samples)))
    if kind == "several":
        first = damage(str(rng.choice(["flip", "zero", "truncate", "forge"])), out, rng)
        second = damage(str(rng.choice(["flip", "zero", "drop"])), first.samples, rng)
        numbers = {sample.index for sample in samples}
        hit = first.victims | {first.samples[place].index for place in second.victims}
        return Damaged(second.samples, frozenset(hit & numbers))
    if kind == "drop":
        del out[victim]
        return Damaged(out, frozenset({victim}))
    if kind == "swap":
        other = int(rng.integers(len(samples)))
        out[victim], out[other] = (
            replace(out[victim], data=out[other].data),
            replace(out[other], data=out[victim].data),
        )
        return Damaged(out, frozenset())
    if kind == "duplicate":
        start = int(rng.integers(victim + 1, len(samples) + 1))
        out.insert(start, out[victim])
        return Damaged(out, frozenset())
    out[victim] = replace(out[victim], data=_broken(kind, out[victim].data, rng))
    return Damaged(out, frozenset({victim}))


def _broken(kind: str, data: bytes, rng: np.random.Generator) -> bytes:
    if kind == "truncate":
        return data[: int(rng.integers(1, len(data)))]
    changed = np.frombuffer(data, np.uint8).copy()
    if kind == "zero":
        begin, end = sorted(rng.choice(len(data) + 1, 2, replace=False).tolist())
        changed[begin:end] = 0
        if changed.tobytes() == data:
            changed[begin] ^= 255
    elif kind == "flip":
        for place in rng.choice(8 * len(data), int(rng.integers(1, 9)), replace=False).tolist():
            changed[place // 8] ^= 1 << place % 8
    elif kind == "forge":  # a checksum that holds over bits that do not
        unit = AccessUnit.parse(data)
        payload = np.frombuffer(unit.payload, np.uint8).copy()
        place = int(rng.integers(8 * len(payload)))
        payload[place // 8] ^= 1 << place % 8
        body = bytearray(data[:-4])
        body[len(body) - len(payload) :] = payload.tobytes()
        return bytes(body) + zlib.crc32(body).to_bytes(4, "big")
    return changed.tobytes()


def write_samples(path: Path, samples: Sequence[Sample], time_base: Fraction) -> Path:
    """A file of those samples; where one was taken away, times show it, and where one is repeated,
    a tick of the track tells them apart.
    """
    with StreamWriter(path, time_base) as writer:
        last = None
        for sample in samples:
            pts = sample.pts if last is None else max(sample.pts, last + 1)
            writer.write(sample.data, pts, sample.duration)
            last = pts
        writer.commit()
    return path
