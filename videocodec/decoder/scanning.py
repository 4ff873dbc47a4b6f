"""One look at every access unit of a file, which no damage stops."""

from __future__ import annotations

from bitstream.access_unit import AccessUnit, unchecked_fields
from bitstream.container import Sample, StreamReader
from bitstream.errors import BitstreamError, ContainerError
from bitstream.sequence_header import MAGIC, SequenceHeader

from .timeline import ScannedUnit

_ALL_THROUGH = ("format_version", "width", "height", "block_log2", "time_base", "model_sha256")


def scan(reader: StreamReader) -> tuple[list[ScannedUnit], str | None]:
    """All access units in the order of the file, as far as it can be read, and why it cannot be
    read to its end, None if it can.
    """
    scanned: list[ScannedUnit] = []
    samples = reader.units()
    while True:
        try:
            sample = next(samples, None)
        except ContainerError as error:
            return scanned, str(error).removeprefix(f"{reader.path}: ")
        if sample is None:
            return scanned, None
        scanned.append(_scanned(sample))


def check_unchanged(first: SequenceHeader, header: SequenceHeader | None) -> None:
    """One version, pictures of one size and one model all through: files glued together from others
    may break that (``BitstreamError``).
    """
    for name in () if header is None else _ALL_THROUGH:
        if getattr(header, name) != getattr(first, name):
            raise BitstreamError(
                f"{name} changes from {getattr(first, name)} to {getattr(header, name)}: split the"
                " file there"
            )


def _scanned(sample: Sample) -> ScannedUnit:
    data = sample.data
    try:
        unit = AccessUnit.parse(data)
    except BitstreamError as error:
        # four bytes say so more surely than the first one
        is_keyframe = data[1 : 1 + len(MAGIC)] == MAGIC
        claimed = unchecked_fields(data)
        fields = None if claimed is None else (claimed.first_pts, claimed.durations)
        return ScannedUnit(
            sample.index,
            sample.pts,
            (sample.duration,),
            len(data),
            sample.position,
            is_keyframe,
            str(error),
            None,
            sample.pts,
            fields,
        )
    return ScannedUnit(
        sample.index,
        unit.first_pts,
        unit.durations,
        len(data),
        sample.position,
        unit.is_keyframe,
        None,
        unit.header,
        sample.pts,
    )
