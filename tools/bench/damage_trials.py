"""Trials of damage: a stream broken at random, and what becomes of every frame."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.container import Sample
from bitstream.errors import BitstreamError
from bitstream.sequence_header import SequenceHeader
from tools.bench.damage_kinds import KINDS, Damaged, damage, write_samples
from videocodec.decoded import DecodedLatents, FrameKind
from videocodec.decoder import concealment
from videocodec.decoder import latents as decoder_latents
from videocodec.decoder.concealment import concealed_frames
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.errors import VideoCodecError
from videocodec.models.bundle import ModelBundle


class RememberingDecoder(UnitDecoder):
    """Decodes what was decoded before from memory: equal access units after equal ones, which is
    nearly all there is in a trial.
    """

    memory: ClassVar[dict[tuple[bytes, ...], list[DecodedLatents]]] = {}

    def __init__(self, tables: Tables, block: int, frames_before: int = 0) -> None:
        super().__init__(tables, block, frames_before)
        self._chain: list[AccessUnit] = []
        self._done = 0
        self._real = UnitDecoder(tables, block)

    def decode(
        self, unit: AccessUnit, size: int, *, pictures: bool = False
    ) -> list[DecodedLatents]:
        """As ``UnitDecoder.decode``."""
        if unit.is_keyframe:
            self._chain, self._done = [], 0
        self._chain.append(unit)
        key = tuple(each.to_bytes() for each in self._chain)
        if key not in self.memory:
            while self._done < len(self._chain):
                frames = self._real.decode(self._chain[self._done], size, pictures=pictures)
                self._done += 1
            self.memory[key] = frames
        first = self.memory[key][0].index
        shift = self.frames_before - first
        moved = []
        for frame in self.memory[key]:
            past, later = frame.references
            moved.append(
                replace(
                    frame,
                    index=frame.index + shift,
                    references=(_shifted(past, shift), _shifted(later, shift)),
                )
            )
        self.frames_before += len(moved)
        return moved


def _shifted(index: int | None, by: int) -> int | None:
    return None if index is None else index + by


@dataclass
class Tally:
    """Of the trials of one kind.  dependent: frames that depended on what was damaged; concealed:
    of those, marked as concealed; exact: of those, bit-exact all the same; outside: frames that did
    not depend on it; lost_outside: of those, missing, marked or with other latents, number or time;
    wrong_inside: dependent ones that are not marked and not exact; refused: trials that were an
    error (nothing of the stream can be decoded).
    """

    trials: int = 0
    dependent: int = 0
    concealed: int = 0
    exact: int = 0
    outside: int = 0
    lost_outside: int = 0
    wrong_inside: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Original:
    """A stream and all that it decodes to."""

    samples: list[Sample]
    frames: list[DecodedLatents]
    time_base: Fraction
    units: list[tuple[range, bool]]  # frames of each access unit, and whether it is a keyframe

    @classmethod
    def of(cls, path: Path) -> Original:
        stream = LatentStream(path)
        frames = list(stream.frames())
        index = stream.index()
        units = [(unit.frames, unit.is_keyframe) for unit in index.units]
        return cls(list(stream.reader.units()), frames, stream.header.time_base, units)

    def dependent(self, victims: frozenset[int]) -> set[int]:
        """Frames of those access units, and of all after each of them up to the next keyframe."""
        lost: set[int] = set()
        for victim in victims:
            for place in range(victim, len(self.units)):
                if place > victim and self.units[place][1]:
                    break
                lost |= set(self.units[place][0])
        return lost


def one_trial(original: Original, damaged: Damaged, path: Path, tally: Tally) -> None:
    """Write the damaged file, decode it, and compare every frame."""
    tally.trials += 1
    dependent = original.dependent(damaged.victims)
    write_samples(path, damaged.samples, original.time_base)
    try:
        decoded = list(concealed_frames(LatentStream(path)))
    except (BitstreamError, VideoCodecError):
        tally.refused += 1
        decoded = []
    # Nothing tells that a file once began earlier, or went on longer: then numbers count from the
    # first frame that is there.
    whole = len(decoded) == len(original.frames)
    by_pts = {frame.pts: frame for frame in decoded}
    first = decoded[0].pts if decoded else 0
    missing_before = sum(frame.pts < first for frame in original.frames)
    for number, expected in enumerate(original.frames):
        frame = by_pts.get(expected.pts)
        is_exact = (
            frame is not None
            and frame.kind == expected.kind
            and frame.duration == expected.duration
            and frame.index == number - (0 if whole else missing_before)
            and np.array_equal(frame.latent.latents, expected.latent.latents)
        )
        if number in dependent:
            tally.dependent += 1
            tally.exact += is_exact
            is_marked = frame is None or frame.kind == FrameKind.CONCEALED
            tally.concealed += frame is not None and is_marked
            tally.wrong_inside += not is_exact and not is_marked
        else:
            tally.outside += 1
            tally.lost_outside += not is_exact


@contextmanager
def remembering(is_on: bool = True) -> Iterator[None]:
    """Trials decode what they decoded before from memory, and look the model up once."""
    if not is_on:
        yield
        return
    bundles: dict[str, ModelBundle] = {}
    find = decoder_latents.bundle_for

    def found(header: SequenceHeader) -> ModelBundle:
        if header.model_sha256 not in bundles:
            bundles[header.model_sha256] = find(header)
        return bundles[header.model_sha256]

    RememberingDecoder.memory = {}
    with (
        mock.patch.object(decoder_latents, "UnitDecoder", RememberingDecoder),
        mock.patch.object(concealment, "UnitDecoder", RememberingDecoder),
        mock.patch.object(decoder_latents, "bundle_for", found),
    ):
        yield


def run_trials(
    coded: Path,
    count: int,
    seed: int = 0,
    *,
    remember: bool = True,
    progress: Callable[[int], None] = lambda n: None,
) -> dict[str, Tally]:
    """Make ``count`` trials, the kinds in turn → what became of each kind.  progress: called with
    the number of trials made.
    """
    rng = np.random.default_rng(seed)
    tallies = {kind: Tally() for kind in KINDS}
    original = Original.of(coded)
    with tempfile.TemporaryDirectory() as folder, remembering(remember):
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            one_trial(
                original,
                damage(kind, original.samples, rng),
                Path(folder) / "trial.lv.mp4",
                tallies[kind],
            )
            progress(number + 1)
    return tallies
