"""A small real stream, and what must hold of every file that is made of it: frames or one named
error, through everything that reads files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import videocodec
from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.errors import BitstreamError
from videocodec.errors import VideoCodecError


@dataclass(frozen=True)
class Small:
    """A stream of 16 frames in five access units, with sound."""

    path: Path
    units: tuple[AccessUnit, ...]


@pytest.fixture(scope="session")
def small(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> Small:
    folder = tmp_path_factory.mktemp("hostile")
    movie = write_movie(folder / "pan.mp4", panned(16, 32, 40, (1, 2)), sound_seconds=0.6)
    videocodec.encode(
        movie,
        folder / "pan.lv.mp4",
        crf=36,
        gop_size=6,
        threads=1,
        device="cpu",
        preset="superfast",
        model="embedded",
    )
    with StreamReader(folder / "pan.lv.mp4") as reader:
        return Small(
            folder / "pan.lv.mp4", tuple(AccessUnit.parse(sample.data) for sample in reader.units())
        )


def assert_frames_or_a_named_error(
    path: Path, capsys: pytest.CaptureFixture[str] | None = None
) -> None:
    """Through the reader, ``info``, ``verify`` and ``decode``; frames that come are of the size
    that the header says.
    """
    output = path.with_name("out.mp4")

    def read() -> None:
        with videocodec.VideoReader(path, device="cpu", threads=1, read_ahead=False) as video:
            for number in {0, len(video) // 2, len(video) - 1}:
                frame = video[number]
                assert (
                    frame.data.shape == (3, video.metadata.height, video.metadata.width)
                    and frame.data.dtype == np.uint8
                )
                assert frame.kind in ("keyframe", "inter") and frame.provenance.max() < len(
                    videocodec.PROVENANCE_NAMES
                )
            assert video.latents[0].dtype == np.int16 and video.metadata.frames == len(video)
            video.get_frame_at(float(video.index.pts_seconds[0]))

    def inspect() -> None:
        found = videocodec.info(path)
        assert (
            found.frames >= 0
            and found.video_bytes >= 0
            and found.container_bytes >= 0
            and found.duration_seconds >= 0
        )
        found.to_dict()

    calls = (
        read,
        inspect,
        lambda: videocodec.verify(path),
        lambda: videocodec.decode(path, output, device="cpu", threads=1, overwrite=True),
    )
    for call in calls:
        try:
            call()
        except (BitstreamError, VideoCodecError) as error:
            text = str(error)
            assert text.isprintable() and len(text) < 1000, text
    assert sorted(file.name for file in path.parent.iterdir() if file.name.startswith(".")) == [], (
        "something half-written is left behind"
    )


def written(folder: Path, units: list[bytes]) -> Path:
    """A file of those access units, whatever they say of their times."""
    path = folder / "mutated.mp4"
    with StreamWriter(path, Fraction(1, 25)) as writer:
        for index, unit in enumerate(units):
            writer.write(unit, 6 * index, 6)
        writer.commit()
    return path
