"""Files cut at random bytes, and what ``videocodec repair`` recovers of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitstream.errors import BitstreamError
from tools.bench.damage_trials import Original, remembering
from videocodec.decoded import DecodedLatents
from videocodec.decoder.concealment import concealed_frames
from videocodec.decoder.latents import LatentStream
from videocodec.errors import VideoCodecError
from videocodec.inspection.repair import repair


@dataclass
class CutTally:
    """Of files cut at random bytes.  possible: frames that are there whole, with everything they
    build on; recovered: of those, in the repaired file with the same latents and times; wrong:
    frames of repaired files that are something else; nothing: cuts of which nothing was recovered,
    rightly; readable: cuts that ``LatentStream`` reads without repair up to the cut, the others
    naming ``repair``.
    """

    cuts: int = 0
    possible: int = 0
    recovered: int = 0
    wrong: int = 0
    nothing: int = 0
    readable: int = 0
    unclear: int = 0


def without_tables(path: Path, target: Path) -> Path:
    """The file as it is on the disk before its tables are written: a process was killed."""
    data = path.read_bytes()
    place, remainder = 0, b""
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] != b"moov":
            remainder += data[place : place + size]
        place += size
    target.write_bytes(remainder)
    return target


def run_cuts(path: Path, coded: Path, count: int, seed: int = 0) -> CutTally:
    """Cut a file at ``count`` random bytes, repair and compare.  coded: the whole file, which it is
    a part of.
    """
    rng, original, tally = np.random.default_rng(seed), Original.of(coded), CutTally()
    data = path.read_bytes()
    with tempfile.TemporaryDirectory() as name, remembering():
        for length in sorted(rng.integers(0, len(data), count).tolist()):
            cut = Path(name) / "cut.lv.mp4"
            cut.write_bytes(data[:length])
            expected: list[DecodedLatents] = []
            for sample, (frames, _) in zip(original.samples, original.units, strict=True):
                if data.find(sample.data) + len(sample.data) > length:
                    break
                expected += original.frames[frames.start : frames.stop]
            _compare(cut, expected, tally)
    return tally


def _compare(cut: Path, expected: list[DecodedLatents], tally: CutTally) -> None:
    """Read and repair one cut file of which these frames are there."""
    tally.cuts += 1
    tally.possible += len(expected)
    try:
        tally.readable += len(list(concealed_frames(LatentStream(cut)))) == len(expected)
    except BitstreamError as error:
        tally.unclear += bool(expected) and "videocodec repair" not in str(error)
    repaired = cut.with_name("repaired.lv.mp4")
    try:
        repair(cut, repaired, overwrite=True)
    except VideoCodecError:
        tally.nothing += not expected
        return
    for frame in LatentStream(repaired).frames():
        same = frame.index < len(expected) and np.array_equal(
            frame.latent.latents, expected[frame.index].latent.latents
        )
        same = same and frame.pts == expected[frame.index].pts
        tally.recovered += same
        tally.wrong += not same
