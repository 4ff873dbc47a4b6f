"""What stands in for lost frames: latents between those of the nearest frames that are right.

No torch.

Linear interpolation in time between the last good frame before a run of lost ones and the first
after it; repetition where there is only one of them; grey where there is none.  It is integer
arithmetic on exact latents, so concealed latents, too, are the same everywhere; but they are
nothing that anybody sent, and every frame made of them says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame

from .index import BUILD_ON, StreamIndex
from .latents import CONCEALED, DecodedLatents

INTERPOLATED, REPEATED, GREY = "interpolated", "repeated", "grey"


@dataclass(frozen=True)
class Concealment:
    """A run of lost frames and what was done about it.

    first, last: their numbers; begin_seconds, end_seconds: when the first begins and the last ends,
    on the stream's clock.  method: "interpolated" between the frames ``before`` and ``after``,
    "repeated" from whichever of them there is, "grey" where there is neither. reason: what is wrong
    with the access units that they were in.
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
    found = []
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
        known = sum(neighbour is not None for neighbour in (before, after))
        end = index.end_of(part[-1]) * index.header.time_base
        method = (GREY, REPEATED, INTERPOLATED)[known]
        found.append(
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
    return found


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
    blocks = 1 << header.block_log2
    fields = BlockFields.blank(shape[1] // blocks, shape[2] // blocks, Mode.SKIP)
    quantiser = 0 if near is None else near.latent.quantiser
    quantisers = np.zeros(shape[1:], np.uint8) if near is None else near.quantiser_map
    method = (GREY, REPEATED, INTERPOLATED)[(before is not None) + (after is not None)]
    made = LatentFrame(latents, fields, quantiser, 0.0, 0.0)
    return DecodedLatents(
        made, pts, duration, CONCEALED, 0.0, quantisers, frame, (None, None), method
    )
