"""Container overhead: bytes of an MP4 file beyond its access units, for 30 s at 20 kbit/s and for
short clips.

python -m tools.bench.container
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader

FPS, GROUP, KEYFRAME_SECONDS, BYTES_PER_SECOND = 25, 16, 10, 2500


def overhead(folder: Path, seconds: int) -> tuple[int, int]:
    """Bytes of the access units, and bytes of the file beyond them."""
    header = SequenceHeader(
        width=512,
        height=288,
        time_base=Fraction(1, FPS),
        frame_rate=Fraction(FPS),
        latent_channels=16,
        crf=40,
        gop_size=250,
        preset=2,
        model_name="embedded",
        model_sha256="0" * 64,
    )
    path, units, frame = folder / f"{seconds}.mp4", 0, 0
    with StreamWriter(path, header.time_base) as writer:
        while frame < seconds * FPS:
            keyframe = frame % (KEYFRAME_SECONDS * FPS) == 0
            left = KEYFRAME_SECONDS * FPS - frame % (KEYFRAME_SECONDS * FPS)
            count = 1 if keyframe else min(GROUP, left, seconds * FPS - frame)
            unit = AccessUnit(
                structure=Structure.KEYFRAME if keyframe else Structure.HIERARCHY,
                header=header if keyframe else None,
                first_pts=frame,
                durations=(1,) * count,
                quantisers=(40,) * count,
                latent_checksum=0,
                payload=bytes(BYTES_PER_SECOND * count // FPS // 4 * 4),
            )
            data = unit.to_bytes()
            writer.write(data, frame, count)
            units, frame = units + len(data), frame + count
        writer.commit()
    with StreamReader(path) as reader:
        return units, reader.container_bytes - units


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (5, 10, 30, 120):
            units, beyond = overhead(Path(folder), seconds)
            print(
                f"{seconds} s at about 20 kbit/s: {units} bytes of access units, {beyond} beyond"
                f" them, {100 * beyond / units:.2f} %"
            )


if __name__ == "__main__":
    main()
