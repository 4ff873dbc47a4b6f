"""Bytes that an encode may take, as rate control wants them."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

from bitstream.container import StreamWriter

from .coded_video import CodedVideo, Outcome
from .pipeline import Encoding
from .request import RateGoal


def outcome_at(
    goal: RateGoal, encoding: Encoding, time_base: Fraction, captions_bytes: int = 0
) -> Outcome:
    """Run the passes that a goal takes.  captions_bytes: of the words in the file, which count as
    video.
    """
    bitrate, target_size = goal.bitrate, goal.target_size
    if bitrate is not None:
        return encoding.at_rate(
            lambda coded: max(1.0, bitrate * float(coded.ticks * time_base) / 8 - captions_bytes),
            f"{bitrate / 1000:g} kbit/s",
        )
    if target_size is not None:
        return encoding.at_rate(
            lambda coded: max(1.0, target_size - captions_bytes - _overhead(coded, time_base)),
            f"a size of {target_size / 1000:g} kB",
        )
    return encoding.at_constant_quality()


def _overhead(coded: CodedVideo, time_base: Fraction) -> int:
    """Bytes that MP4 adds to the video: those of a file of access units of the same sizes and
    times.
    """
    with tempfile.TemporaryDirectory(prefix="videocodec-measure-") as folder:
        path = Path(folder) / "measure.mp4"
        with StreamWriter(path, time_base) as writer:
            for unit in (unit for chunk in coded.units for unit in chunk):
                writer.write(bytes(unit.size), unit.first_pts, sum(unit.durations))
            writer.commit()
        return path.stat().st_size - coded.size
