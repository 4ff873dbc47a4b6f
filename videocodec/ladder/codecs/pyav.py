"""Encoders of PyAV: what they share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import ClassVar

import av

from ..clips import Clip
from ..planes import read, tag, untagged
from .base import Codec, DecodedFrame, EncodeTask

os.environ.setdefault("SVT_LOG", "1")  # errors only

# of x264 and x265, best first
H26X_PRESETS = (
    "placebo",
    "veryslow",
    "slower",
    "slow",
    "medium",
    "fast",
    "faster",
    "veryfast",
    "superfast",
    "ultrafast",
)


class PyAvCodec(Codec):
    """An encoder of FFmpeg, as PyAV's wheel has it.

    library: its name there.
    tuning: what it aims at without further options, in words.
    """

    library: ClassVar[str]
    tuning: ClassVar[str]

    def missing(self) -> str | None:
        with suppress(av.codec.codec.UnknownCodecError):
            av.Codec(self.library, "w")
            return None
        return (
            f"PyAV {av.__version__} was built without {self.library}: install the wheel from PyPI"
        )

    def versions(self, model: str) -> dict[str, str]:
        return {
            "av": av.__version__,
            "libavcodec": ".".join(map(str, av.library_versions["libavcodec"])),
            "encoder": self.library,
        }

    def run(
        self, task: EncodeTask, options: dict[str, str], target: Path, bit_rate: int | None = None
    ) -> None:
        """One pass over the frames into an MP4 file."""
        width, height = task.clip.size(task.scale)
        rate = Fraction(task.clip.rate)
        with av.open(str(target), "w", format="mp4") as container:
            stream = container.add_stream(
                self.library,
                rate=rate,
                width=width,
                height=height,
                pix_fmt="yuv420p",
                options=options,
            )
            assert isinstance(stream, av.VideoStream)
            context = stream.codec_context
            # PyAV's choice, slices, costs bytes
            context.thread_count, context.thread_type = task.threads, "FRAME"
            tag(context, task.clip)
            if bit_rate is not None:
                stream.bit_rate = bit_rate
            for index, frame in enumerate(read(task.source)):
                tag(frame, task.clip)
                frame.pts, frame.time_base = index, 1 / rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    def command(
        self, task: EncodeTask, options: dict[str, str], bit_rate: int | None = None
    ) -> str:
        """The same as a command line of the ffmpeg program, for people."""
        words = [
            "ffmpeg",
            "-i",
            str(task.source),
            "-c:v",
            self.library,
            "-pix_fmt",
            "yuv420p",
            "-threads",
            str(task.threads),
        ]
        words += ["-b:v", str(bit_rate)] if bit_rate is not None else []
        for name, value in options.items():
            words += [f"-{name}", value]
        return shlex.join([*words, str(task.target)])

    def frame_bytes(self, path: Path) -> list[int]:
        return [self.sample_bytes(sample) for _, sample in sorted(samples(path))]

    def sample_bytes(self, sample: bytes) -> int:
        """Bytes of video in one sample of the file."""
        return len(sample)

    def decode(self, path: Path, clip: Clip, threads: int, model: str) -> Iterator[DecodedFrame]:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count, stream.thread_type = threads, "AUTO"
            for frame in container.decode(stream):
                yield DecodedFrame(frame.time, partial(untagged, frame))

    def tuned_for(self, model: str, perceptual: bool) -> str:
        return self.tuning


def samples(path: Path) -> list[tuple[int, bytes]]:
    """Presentation time and bytes of every sample of the video track."""
    with av.open(str(path)) as container:
        return [
            (packet.pts, bytes(packet))
            for packet in container.demux(video=0)
            if packet.size and packet.pts is not None
        ]
