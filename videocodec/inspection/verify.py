"""``videocodec.verify``: whether every checksum of a latent-video file holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import FileSource, Sample, SharedFile
from bitstream.errors import BitstreamError, ContainerError
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader

from ..decoder.latents import LatentStream
from ..decoder.scanning import check_unchanged
from ..models.attached import damage_of_attached
from ..progress import Progress, ProgressCallback


@dataclass(frozen=True)
class VerifyReport:
    """frames and access_units that decode with every checksum right, and a line on everything that
    does not.
    """

    frames: int
    access_units: int
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    source: FileSource,
    *,
    model: str | Path | None = None,
    force_model: bool = False,
    progress: ProgressCallback | None = None,
) -> VerifyReport:
    """Decode all latents and compare all checksums, and the hash of an attached model; goes on at
    the next keyframe after damage.

    source: a path, or the bytes of a file.  model: the bundle's name or folder, for streams whose
    model is not installed.  force_model: as of ``videocodec.decode``.  Raises ``ContainerError``,
    ``UnsupportedVersionError``, ``UnknownModelError`` or ``ModelMismatchError`` when there is
    nothing to verify with.
    """
    opened = SharedFile.of(source)
    stream = LatentStream(opened, model, force_model=force_model)
    try:
        total = sum(unit.frame_count for unit in stream.reader.index())
    except ContainerError:
        total = None  # reading the units says what is wrong
    walk = _Walk(stream)
    problems = [stream.reader.size_problem] if stream.reader.size_problem else []
    try:
        for sample in stream.reader.units():
            problems += walk.check(sample)
            if progress:
                progress(Progress(walk.frames, total, walk.video_bytes, walk.seconds))
    except ContainerError as error:
        problems.append(str(error).removeprefix(f"{opened}: "))
    if (damage := damage_of_attached(stream.reader)) is not None:
        problems.append(f"the attached model is damaged: {damage}")
    return VerifyReport(walk.frames, walk.units, problems)


class _Walk:
    """Decodes access units in order and counts what is right."""

    def __init__(self, stream: LatentStream) -> None:
        self._header, self._tables = stream.header, stream.bundle.tables
        self._decoder = LatentDecoder(self._tables)
        self._due: int | None = None  # when the next one begins, ticks; None after damage
        self.frames = self.units = self.video_bytes = 0
        self.seconds = 0.0

    def check(self, sample: Sample) -> Iterator[str]:
        """Decode one → a line on everything that is wrong with it."""
        unit = None
        self.video_bytes += len(sample.data)
        try:
            unit = AccessUnit.parse(sample.data)
            check_unchanged(self._header, unit.header)
            if self._due is not None and unit.first_pts != self._due:
                yield _out_of_place(sample.index, unit, self._due, self._header)
            self._due = unit.first_pts + unit.duration
            self.frames += len(self._decoder.decode(unit))
            self.units += 1
            self.seconds += float(unit.duration * self._header.time_base)
        except BitstreamError as error:
            yield f"access unit {sample.index}: {error}"
            self._due = None if unit is None else self._due
            self._decoder = LatentDecoder(self._tables)


def _out_of_place(number: int, unit: AccessUnit, expected: int, header: SequenceHeader) -> str:
    begins, due = (float(ticks * header.time_base) for ticks in (unit.first_pts, expected))
    fault = "before it something is missing" if begins > due else "it is repeated or out of order"
    return (
        f"access unit {number}: it begins at {begins:.3f} s, the one before it ends at {due:.3f} s:"
        f" {fault}"
    )
