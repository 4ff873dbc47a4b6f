"""A sequence header, access units, and tiny real videos with sound and subtitles, made on the spot
with PyAV.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from bitstream.v2.compiled import await_kernels


@pytest.fixture(scope="session", autouse=True)
def _kernels() -> None:
    """There before anything is measured: while they are loaded, memory is taken."""
    await_kernels()


@pytest.fixture
def header() -> SequenceHeader:
    """Of a 352×288 stream at 25 frames per second."""
    return SequenceHeader(
        format_version=1,
        width=352,
        height=288,
        time_base=Fraction(1, 25),
        frame_rate=Fraction(25),
        latent_channels=16,
        crf=28,
        gop_size=250,
        preset=5,
        model_name="embedded",
        model_sha256="ab" * 32,
    )


@pytest.fixture
def make_units(header: SequenceHeader) -> Callable[..., list[AccessUnit]]:
    """Access units of random payload: a keyframe every ``gop`` frames, groups of up to 16
    between.
    """

    def make(
        frames: int = 50,
        *,
        first_pts: int = 0,
        duration: int = 1,
        time_base: Fraction = Fraction(1, 25),
        gop: int = 20,
        unit_bytes: int = 300,
    ) -> list[AccessUnit]:
        rng = np.random.default_rng(0)
        units, done = [], 0
        while done < frames:
            key = done % gop == 0
            count = 1 if key else min(16, gop - done % gop, frames - done)
            unit = AccessUnit(
                structure=Structure.KEYFRAME if key else Structure.HIERARCHY,
                header=replace(header, time_base=time_base) if key else None,
                first_pts=first_pts + done * duration,
                durations=(duration,) * count,
                quantisers=(40,) * count,
                latent_checksum=7,
                payload=rng.bytes(unit_bytes + int(rng.integers(-60, 60)) - (100 if key else 20)),
            )
            units.append(unit)
            done += count
        return units

    return make


@pytest.fixture
def write() -> Callable[..., StreamWriter]:
    """Writes access units into a file; options are those of ``StreamWriter``."""

    def write_units(
        path: Path,
        units: list[AccessUnit],
        time_base: Fraction = Fraction(1, 25),
        **options: object,
    ) -> StreamWriter:
        with StreamWriter(path, time_base, **options) as writer:
            for unit in units:
                writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
            writer.commit()
        return writer

    return write_units


@pytest.fixture
def plain(
    tmp_path: Path, write: Callable[..., StreamWriter], make_units: Callable[..., list[AccessUnit]]
) -> Path:
    """A latent-video file without a model."""
    write(tmp_path / "plain.mp4", make_units())
    return tmp_path / "plain.mp4"


@dataclass(frozen=True)
class CopiedPacket:
    """What must survive a copy; times in seconds."""

    data: bytes
    pts: Fraction
    duration: Fraction


@pytest.fixture
def packets_of() -> Callable[..., list[CopiedPacket]]:
    """All packets of the tracks of one kind ("audio", "subtitle") of a file."""

    def read(path: Path, kind: str) -> list[CopiedPacket]:
        with av.open(str(path)) as container:
            streams = [stream for stream in container.streams if stream.type == kind]
            return [
                CopiedPacket(
                    bytes(packet), packet.pts * packet.time_base, packet.duration * packet.time_base
                )
                # demux([]) gives all tracks
                for packet in (container.demux(streams) if streams else ())
                if packet.dts is not None
            ]

    return read


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """A video of grey frames, with noise for sound and two subtitles where asked for."""

    def make(
        name: str = "source.mp4",
        *,
        frames: int = 50,
        audio: str | None = "aac",
        subtitles: str | None = "mov_text",
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            video = container.add_stream("libx264", rate=25, width=64, height=48)
            sound = container.add_stream(audio, rate=48000) if audio else None
            texts = container.add_mux_stream(subtitles) if subtitles else None
            if texts is not None:
                texts.time_base = Fraction(1, 1000)
                texts.metadata["language"] = "eng"
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index % 256, np.uint8))
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if sound is not None:
                _write_noise(container, sound, frames / 25)
            if texts is not None:
                _write_texts(container, texts)
        return path

    return make


def _write_noise(
    container: av.container.OutputContainer, stream: av.audio.stream.AudioStream, seconds: float
) -> None:
    rng = np.random.default_rng(1)
    samples = stream.codec_context.frame_size or 1024
    for index in range(int(seconds * 48000) // samples):
        noise = rng.normal(0, 0.1, (2, samples)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * samples, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _write_texts(container: av.container.OutputContainer, stream: av.stream.Stream) -> None:
    for start, text in ((300, b"hello"), (1200, b"good-bye")):
        data = text if "matroska" in container.format.name else struct.pack(">H", len(text)) + text
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = 400
        container.mux(packet)
