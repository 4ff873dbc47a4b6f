"""What stands in for lost frames: latents between those of the nearest frames that are right.

No torch.

Linear interpolation in time between the last good frame before a run of lost ones and the first
after it; repetition where there is only one of them; grey where there is none.  It is integer
arithmetic on exact latents, so concealed latents, too, are the same everywhere; but they are
nothing that anybody sent, and every frame made of them says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import SharedFile
from bitstream.errors import BitstreamError
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame

from ..decoded import DecodedLatents, FrameKind
from .index import BUILD_ON, StreamIndex
from .latents import LatentStream
from .unit_decoder import UnitDecoder

INTERPOLATED, REPEATED, GREY = "interpolated", "repeated", "grey"


@dataclass(frozen=True)
class Concealment:
    """A run of lost frames and what was done about it.

    first, last: their numbers.
    begin_seconds, end_seconds: when the first begins and the last ends, on the stream's clock.
    method: "interpolated" between the frames ``before`` and ``after``, "repeated" from whichever of
    them there is, "grey" where there is neither.
    reason: what is wrong with the access units that they were in.
    """

    first: int
    last: int
    begin_seconds: float
    end_seconds: float
    method: str
    before: int | None
    after: int | None
    reason: str

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return self.last + 1 - self.first

    @property
    def sentence(self) -> str:
        """For people, without the name of the file."""
        frames = (
            f"frame {self.first} is"
            if self.first == self.last
            else f"frames {self.first} to {self.last} are"
        )
        how = {
            INTERPOLATED: f"interpolated between frames {self.before} and {self.after}",
            REPEATED: f"repeated from frame {self.after if self.before is None else self.before}",
            GREY: "grey, as no frame can be decoded",
        }[self.method]
        return (
            f"{frames} lost ({self.begin_seconds:.3f} s to {self.end_seconds:.3f} s) and concealed,"
            f" {how}: {self.reason}"
        )


def concealments(index: StreamIndex, frames: range | None = None) -> list[Concealment]:
    """The runs of lost frames of a stream, as far as is known by now; of those that lie partly
    outside ``frames``, the part inside.
    """
    nearest = []
    for run in index.lost_runs():
        part = (
            run
            if frames is None
            else range(max(run.start, frames.start), min(run.stop, frames.stop))
        )
        if not part:
            continue
        before = run.start - 1 if run.start > 0 else None
        after = run.stop if run.stop < len(index) else None
        count = sum(neighbour is not None for neighbour in (before, after))
        end = index.end_of(part[-1]) * index.header.time_base
        method = (GREY, REPEATED, INTERPOLATED)[count]
        nearest.append(
            Concealment(
                part[0],
                part[-1],
                float(index.pts_seconds[part[0]]),
                float(end),
                method,
                before,
                after,
                _reason(index, run),
            )
        )
    return nearest


def _reason(index: StreamIndex, run: range) -> str:
    units = index.units[index.unit_of(run[0]).number : index.unit_of(run[-1]).number + 1]
    causes = [
        f"{unit.name}: {unit.damage}"
        for unit in units
        if not (unit.damage or BUILD_ON).startswith(BUILD_ON)
    ]
    if not causes:
        return f"{units[0].name}: {units[0].damage}"
    return causes[0] + (f" (and {len(causes) - 1} more)" if len(causes) > 1 else "")


def conceal(
    index: StreamIndex,
    frame: int,
    before: DecodedLatents | None,
    after: DecodedLatents | None,
    header: SequenceHeader,
) -> DecodedLatents:
    """A lost frame, from the nearest good ones before and after, either of which may be None.

    Weights are by the times at which frames begin.  The quantisers are those of the nearer one,
    which tell networks how clean latents are.
    """
    shape = header.latent_channels, header.latent_height, header.latent_width
    pts, duration = int(index.pts[frame]), int(index.durations[frame])
    near = before or after
    if before is not None and after is not None:
        whole, passed = after.pts - before.pts, pts - before.pts
        mixed = before.latent.latents.astype(object if whole > 1 << 40 else np.int64) * (
            whole - passed
        )
        latents = (
            (mixed + after.latent.latents.astype(mixed.dtype) * passed + whole // 2) // whole
        ).astype(np.int16)
        near = before if 2 * passed <= whole else after
    else:
        latents = np.zeros(shape, np.int16) if near is None else near.latent.latents
    fields = BlockFields.blank(header.block_rows, header.block_columns, Mode.SKIP)
    quantiser = 0 if near is None else near.latent.quantiser
    quantisers = np.zeros(shape[1:], np.uint8) if near is None else near.quantiser_map
    method = (GREY, REPEATED, INTERPOLATED)[(before is not None) + (after is not None)]
    latent = LatentFrame(latents, fields, quantiser, 0.0, 0.0)
    return DecodedLatents(
        latent, pts, duration, FrameKind.CONCEALED, 0.0, quantisers, frame, (None, None), method
    )


def concealed_frames(
    stream: LatentStream, first: int = 0, *, pictures: bool = False
) -> Iterator[DecodedLatents]:
    """All frames of a stream as ``LatentStream.frames`` gives them, with lost ones concealed, in
    the order and with the times of its index.

    What only decoding finds to be wrong is marked in the index.
    """
    index = stream.index()
    if index.damage_at(first) is not None:
        first = max(index.lost_run(first).start - 1, 0)
    begin = index.gop_of(index.unit_of(first).number).start
    decoder = UnitDecoder(stream.bundle.tables, stream.header.block_latents)
    before: DecodedLatents | None = None
    lost = range(0)
    with _opened(stream.path) as file:
        for number in range(begin, len(index.units)):
            frames = _decoded(file, index, number, decoder, pictures=pictures)
            if frames is None:
                unit = index.units[number]
                lost = range(lost.start if lost else unit.first_frame, unit.frames.stop)
                continue
            for frame in lost:
                yield conceal(index, frame, before, frames[0], stream.header)
            lost, before = range(0), frames[-1]
            yield from frames
        for frame in lost:
            yield conceal(index, frame, before, None, stream.header)


@contextmanager
def _opened(path: str | Path | SharedFile) -> Iterator[SharedFile]:
    """A file for reading; one that is shared already stays open."""
    if isinstance(path, SharedFile):
        yield path
        return
    file = SharedFile.open(path)
    try:
        yield file
    finally:
        file.close()


def _decoded(
    file: SharedFile, index: StreamIndex, number: int, decoder: UnitDecoder, *, pictures: bool
) -> list[DecodedLatents] | None:
    """The frames of an access unit, None if they are lost; a newly found damage is marked."""
    entry = index.units[number]
    if entry.damage is not None:
        return None
    decoder.frames_before = entry.first_frame
    try:
        data = file.read(entry.position, entry.bytes)
        return decoder.decode(AccessUnit.parse(data), len(data), pictures=pictures)
    except BitstreamError as error:
        index.mark_damaged(number, str(error))
        return None
