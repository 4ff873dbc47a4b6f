"""``videocodec.repair``: a latent-video file that is cut off or damaged in, one that every program
reads out.

Access units are taken from where the container's tables say they are; where these are missing,
damaged or reach past the end of the file, all of it is searched for access units, which their
checksums give away (``bitstream.container.scan``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import Caption, StreamReader, StreamWriter
from bitstream.container.boxes import read_layout
from bitstream.container.media_input import MP4_ALONE, open_input
from bitstream.container.scan import find_units
from bitstream.errors import AttachedModelError, BitstreamError, CaptionsError, ContainerError
from bitstream.sequence_header import SequenceHeader

from ..decoder.index import StreamIndex
from ..decoder.scanning import check_unchanged
from ..errors import InputError, OutputError, RepairError
from ..media.frame_sink import check_target, output_errors
from ..models.attached import checked_model

_SUFFIXES = (".mp4", ".m4v")
_CHUNKS = "*.chunk"


@dataclass(frozen=True)
class LostSpan:
    """A part of the video that is lost.

    begin_seconds, end_seconds: on the stream's clock.
    frames: how many that are, None where that cannot be told.
    """

    begin_seconds: float
    end_seconds: float
    frames: int | None


@dataclass(frozen=True)
class RepairReport:
    """What was recovered.

    target: the file that was written.
    frames, access_units: how many are in it.
    seconds: from its first frame to the end of its last one, lost ones between them included.
    searched: whether the tables of the source were of no use for finding access units.
    left_out: access units that are whole but repeated, or build on lost ones.
    lost: spans of the video that are missing in the target, in order.
    tracks, skipped_tracks: a line on every copied track, and on those that could not be copied.
    has_sound_tables: whether tables say where the sound is, without which it cannot be recovered.
    model_attached: whether the target carries the model that was attached to the source.
    """

    target: str
    frames: int
    access_units: int
    seconds: float
    searched: bool
    left_out: int
    lost: list[LostSpan]
    tracks: list[str]
    skipped_tracks: list[str]
    has_sound_tables: bool
    model_attached: bool


@dataclass(frozen=True)
class _Unit:
    data: bytes
    fields: AccessUnit

    @property
    def begin(self) -> int:
        return self.fields.first_pts

    @property
    def end(self) -> int:
        return self.fields.first_pts + self.fields.duration


def repair(source: str | Path, target: str | Path, *, overwrite: bool = False) -> RepairReport:
    """Write what can be recovered of a latent-video file into a new one.

    source: a file that is cut off, whose tables are missing or damaged, or with damaged access
    units; or the folder ``NAME.chunks`` that an interrupted encode leaves (which ``encode`` with
    ``resume`` goes on with, where the video that was being encoded is still there).  It is only
    read.

    The target has every access unit that is whole and can be decoded: damaged ones, and those that
    build on them, are left out.  They leave a gap in time, which everything else keeps, and which
    ``decode`` conceals.  Sound and subtitles are copied as far as the file's tables lead to them.
    It appears under its name only when it is complete.

    Raises ``RepairError`` if nothing can be recovered, ``InputError``, ``OutputExistsError``,
    ``OutputError``.
    """
    source, target = Path(source), Path(target)
    _check_paths(source, target, overwrite)
    reader = None if source.is_dir() else _opened(source)
    units, searched = (
        (_from_chunks(source), False) if source.is_dir() else _from_file(source, reader)
    )
    header = _header(units)
    kept = _decodable(units, header) if header is not None else []
    if header is None or not kept:
        raise RepairError(
            f"{source}: nothing can be recovered: there is no keyframe in it that is whole"
        )
    copied = source if not source.is_dir() and _readable(source) else None
    with (
        output_errors(target),
        tempfile.TemporaryDirectory() as folder,
        StreamWriter(
            target,
            header.time_base,
            copy_from=copied,
            copy_may_end=True,
            shown_size=None if reader is None else reader.larger_size,
        ) as writer,
    ):
        model = _extracted(reader, Path(folder))
        if model is not None:
            writer.attach_model(*model)
        writer.attach_captions(_captions_of(reader))
        for unit in kept:
            writer.write(unit.data, unit.begin, unit.fields.duration)
        writer.commit()
        skipped = writer.skipped_tracks
    with StreamReader(target) as made:
        index, tracks = StreamIndex(made), list(made.tracks)
    span = (index.end_of(-1) - int(index.pts[0])) * header.time_base
    return RepairReport(
        target=str(target),
        frames=sum(unit.frame_count for unit in index.units if unit.damage is None),
        access_units=len(kept),
        seconds=float(span),
        searched=searched,
        left_out=len({unit.data for unit in units}) - len(kept),
        lost=[*_lost_in(index), *_lost_after(reader, index)],
        tracks=tracks,
        skipped_tracks=skipped,
        has_sound_tables=copied is not None,
        model_attached=model is not None,
    )


def _check_paths(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse what cannot be read, and what must not or cannot be written."""
    if not source.exists():
        raise InputError(f"{source}: no such file")
    if target.exists() and target.samefile(source):
        raise InputError(f"{source}: input and output are the same file: name another output")
    if target.suffix.lower() not in _SUFFIXES:
        raise OutputError(
            f"{target}: a latent-video file is an MP4 file: give a name that ends in"
            f" {' or '.join(_SUFFIXES)}"
        )
    check_target(target, overwrite=overwrite)


def _opened(source: Path) -> StreamReader | None:
    try:
        return StreamReader(source)
    except BitstreamError:
        return None


def _readable(source: Path) -> bool:
    """Whether there are tables that say where the sound is."""
    try:
        read_layout(source)  # first of all: it refuses tables that FFmpeg would take memory for
        open_input(source, **MP4_ALONE).close()
    except ContainerError:
        return False
    return True


def _from_file(source: Path, reader: StreamReader | None) -> tuple[list[_Unit], bool]:
    """All intact access units of a file → them, and whether it had to be searched."""
    units: list[_Unit] = []
    is_whole = reader is not None
    try:
        for sample in reader.units() if reader is not None else ():
            try:
                units.append(_Unit(sample.data, AccessUnit.parse(sample.data)))
            except BitstreamError:
                is_whole = False
    except ContainerError:
        is_whole = False
    if is_whole:
        return units, False
    known = {unit.data for unit in units}
    with source.open("rb") as file:
        found = [_Unit(each.data, each.unit) for each in find_units(file, _end_of_video(source))]
    more = [unit for unit in found if unit.data not in known]
    return units + more, bool(more) or not units


def _end_of_video(source: Path) -> int:
    """Bytes before the attached model, which need not be searched."""
    try:
        box = read_layout(source).attached_model
    except ContainerError:
        box = None
    return source.stat().st_size if box is None else box.position


def _from_chunks(folder: Path) -> list[_Unit]:
    """What an interrupted encode has finished.

    Of several versions of a chunk, made for a bitrate, the last one counts.
    """
    by_begin: dict[str, Path] = {}
    for path in sorted(folder.glob(_CHUNKS), key=lambda path: path.stat().st_mtime_ns):
        by_begin[path.name.split("-")[0]] = path
    units: list[_Unit] = []
    for _, path in sorted(by_begin.items()):
        try:
            _, facts, data = path.read_bytes().split(b"\n", 2)
            sizes = [size for _, _, size, _ in json.loads(facts)[0]["units"]]
            for begin, end in pairwise([sum(sizes[:count]) for count in range(len(sizes) + 1)]):
                units.append(_Unit(data[begin:end], AccessUnit.parse(data[begin:end])))
        except (ValueError, KeyError, TypeError, IndexError):
            continue
    return units


def _header(units: list[_Unit]) -> SequenceHeader | None:
    """Of the first keyframe."""
    return next((unit.fields.header for unit in units if unit.fields.is_keyframe), None)


def _decodable(units: list[_Unit], header: SequenceHeader) -> list[_Unit]:
    """In display order, each once, those that have everything before them that they build on."""
    kept: list[_Unit] = []
    for unit in sorted(units, key=lambda unit: unit.begin):
        try:
            check_unchanged(header, unit.fields.header)
        except BitstreamError:
            continue
        if kept and unit.begin < kept[-1].end:
            continue
        if unit.fields.is_keyframe or (kept and unit.begin == kept[-1].end):
            kept.append(unit)
    return kept


def _extracted(
    reader: StreamReader | None, folder: Path
) -> tuple[list[tuple[str, Path]], str] | None:
    """Files and identity of the attached model, if it is there and whole."""
    if reader is None:
        return None
    try:
        model = checked_model(reader)
    except AttachedModelError:
        return None
    if model is None:
        return None
    model.extract(folder)
    whole = [entry.name for entry in model.files if (folder / entry.name).is_file()]
    return [(name, folder / name) for name in whole], model.sha256


def _captions_of(reader: StreamReader | None) -> tuple[Caption, ...]:
    """The words of the source, if they are whole."""
    try:
        return () if reader is None else reader.captions()
    except CaptionsError:
        return ()


def _lost_in(index: StreamIndex) -> Iterator[LostSpan]:
    for run in index.lost_runs():
        last = index.pts_seconds[run[-1]] + float(
            int(index.durations[run[-1]]) * index.header.time_base
        )
        yield LostSpan(float(index.pts_seconds[run[0]]), float(last), len(run))


def _lost_after(reader: StreamReader | None, index: StreamIndex) -> Iterator[LostSpan]:
    """What the tables of the source promise beyond the last frame."""
    end = None if reader is None else reader.declared_end_seconds
    if end is not None and end - index.end_seconds > float(index.header.time_base) / 2:
        mean = float(index.durations.mean() * index.header.time_base)
        yield LostSpan(index.end_seconds, end, round((end - index.end_seconds) / mean))
