"""Small files of every kind that people feed a codec, made with PyAV: ``make(folder)``."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE, COUNT = 25, 12
_SAMPLE_RATE = 48000
_HLG, _BT2020 = 18, 9


@dataclass(frozen=True)
class Oddity:
    """A clip of ``COUNT`` frames.

    codec, pixel_format, options: of the encoder.  size: width, height in px.
    times: of the frames, in ticks of ``time_base``; None for one after another.
    rotation, mirrored: of the display matrix.  tags: colour_primaries, color_trc, colorspace.
    sound: whether there is AAC beside the pictures.  muxer: options of the container.
    """

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (64, 48)
    times: Sequence[int] | None = None
    time_base: Fraction = Fraction(1, RATE)
    rotation: int = 0
    mirrored: bool = False
    tags: tuple[int, int, int] | None = None
    full_range: bool = False
    aspect: Fraction | None = None
    sound: bool = True
    options: tuple[tuple[str, str], ...] = ()
    muxer: tuple[tuple[str, str], ...] = ()

    def write(self, path: Path) -> None:
        """Write it."""
        with av.open(str(path), "w", container_options=dict(self.muxer)) as output:
            video = self._stream(output)
            sound = output.add_stream("aac", rate=_SAMPLE_RATE) if self.sound else None
            times = self.times or range(COUNT)
            for index, pts in enumerate(times):
                frame = self._frame(index)
                frame.pts, frame.time_base = pts, self.time_base
                output.mux(video.encode(frame))
            output.mux(video.encode())
            if sound is not None:
                _add_sound(output, sound, times[0] * self.time_base, Fraction(len(times), RATE))

    def _stream(self, output: av.container.OutputContainer) -> av.VideoStream:
        width, height = self.size
        video = output.add_stream(self.codec, rate=RATE, width=width, height=height)
        assert isinstance(video, av.VideoStream)
        video.pix_fmt = self.pixel_format
        context = video.codec_context
        context.time_base = video.time_base = self.time_base
        context.options = dict(self.options)
        context.color_range = 2 if self.full_range else 1
        if self.tags is not None:
            context.color_primaries, context.color_trc, context.colorspace = self.tags
        if self.aspect is not None:
            context.sample_aspect_ratio = self.aspect
        if self.rotation or self.mirrored:
            video.set_display_rotation(self.rotation, hflip=self.mirrored)
        return video

    def _frame(self, index: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(picture(*self.size, index), format="rgb24")
        return frame.reformat(
            format=self.pixel_format, src_color_range=2, dst_color_range=2 if self.full_range else 1
        )


def picture(width: int, height: int, index: int) -> np.ndarray:
    """A smooth picture that moves, uint8 height × width × 3."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin((x * 3 + index * 9) / 20), np.sin(y / 9), np.sin((x + y + index) / 15)]
    return np.stack([128 + 100 * wave for wave in waves], axis=-1).astype(np.uint8)


def _add_sound(
    output: av.container.OutputContainer,
    sound: av.AudioStream,
    begin: Fraction,
    length: Fraction,
) -> None:
    noise = np.random.default_rng(1).standard_normal((2, 1024)).astype(np.float32) * 0.05
    for index in range(int(length * _SAMPLE_RATE) // 1024):
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base = _SAMPLE_RATE, Fraction(1, _SAMPLE_RATE)
        frame.pts = int(begin * _SAMPLE_RATE) + index * 1024
        output.mux(sound.encode(frame))
    output.mux(sound.encode())


_GRADUAL = tuple(round(1.5 * index**1.4) for index in range(COUNT))
_TS_BASE = Fraction(1, 90000)
_PLAIN = Oddity()
CLIPS = {
    "plain.mp4": _PLAIN,
    "plain.mkv": _PLAIN,
    "plain.mov": _PLAIN,
    "plain.avi": replace(_PLAIN, codec="mpeg4", sound=False),
    "plain.ts": replace(_PLAIN, codec="mpeg2video"),
    "plain.webm": replace(_PLAIN, codec="libvpx-vp9", sound=False),
    "uneven_times.mp4": replace(_PLAIN, times=_GRADUAL),
    "begins_late.mkv": replace(_PLAIN, times=range(50, 50 + COUNT)),
    "odd_size.mp4": replace(_PLAIN, size=(63, 47), pixel_format="yuv444p"),
    "one_pixel_high.mkv": replace(_PLAIN, codec="ffv1", size=(64, 1), pixel_format="yuv444p"),
    "rotated_90.mp4": replace(_PLAIN, rotation=90),
    "rotated_180.mov": replace(_PLAIN, rotation=180),
    "mirrored.mp4": replace(_PLAIN, mirrored=True),
    "wide_pixels.mp4": replace(_PLAIN, aspect=Fraction(4, 3)),
    "full_range.mp4": replace(_PLAIN, full_range=True, pixel_format="yuvj420p"),
    "ten_bits.mkv": replace(_PLAIN, pixel_format="yuv420p10le"),
    "hlg.mkv": replace(
        _PLAIN, pixel_format="yuv420p10le", tags=(_BT2020, _HLG, _BT2020), sound=False
    ),
    "alpha.mkv": replace(_PLAIN, codec="ffv1", pixel_format="bgra"),
    "interlaced.ts": replace(_PLAIN, codec="mpeg2video", options=(("flags", "+ildct+ilme"),)),
    "fragments.mp4": replace(_PLAIN, muxer=(("movflags", "frag_keyframe+empty_moov"),)),
    "index_in_front.mp4": replace(_PLAIN, muxer=(("movflags", "faststart"),)),
    "hours_apart.mp4": replace(
        _PLAIN,
        times=(0, 14400 * 90000, 28800 * 90000),
        time_base=_TS_BASE,
        sound=False,
        options=(("bf", "0"),),
    ),
    "animated.gif": replace(_PLAIN, codec="gif", pixel_format="rgb8", sound=False),
    "lossless.y4m": replace(_PLAIN, codec="wrapped_avframe", sound=False),
}


def make(folder: Path) -> list[Path]:
    """Write all of them → their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, clip in CLIPS.items():
        clip.write(folder / name)
    for name, derive in DERIVED.items():
        (folder / name).write_bytes(derive(folder))
    return sorted(path for path in folder.iterdir() if path.is_file())


def _joined(folder: Path, seconds: int) -> bytes:
    """A transport stream, and after it the same with its clock that much further."""
    first = (folder / "plain.ts").read_bytes()
    second = folder / "moved.part.ts"
    times = range(seconds * RATE, seconds * RATE + COUNT)
    replace(CLIPS["plain.ts"], times=times).write(second)
    data = first + second.read_bytes()
    second.unlink()
    return data


def _changed(folder: Path, **change: object) -> bytes:
    """A raw stream, and after it one of another kind."""
    parts = []
    for clip in (_PLAIN, replace(_PLAIN, **change)):  # type: ignore[arg-type]
        path = folder / "changed.part.h264"
        replace(clip, sound=False).write(path)
        parts.append(path.read_bytes())
        path.unlink()
    return b"".join(parts)


def _broken(folder: Path) -> bytes:
    """One packet of the pictures overwritten."""
    path = folder / "plain.mkv"
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    packet = packets[COUNT // 2]
    return path.read_bytes().replace(packet, b"\xff" * len(packet))


def _still(folder: Path, codec: str, form: str, pixel_format: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=form) as output:
        stream = output.add_stream(codec, rate=1, width=64, height=48)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = pixel_format
        stream.codec_context.color_range = 2
        frame = av.VideoFrame.from_ndarray(picture(64, 48, 0), format="rgb24")
        frame = frame.reformat(format=pixel_format, dst_color_range=2)
        output.mux([*stream.encode(frame), *stream.encode()])
    return file.getvalue()


DERIVED: dict[str, Callable[[Path], bytes]] = {
    "joined.ts": lambda folder: (folder / "plain.ts").read_bytes() * 2,
    "clock_leaps.ts": lambda folder: _joined(folder, 4000),
    "clock_falls.ts": lambda folder: (
        _joined(folder, 4000)[len((folder / "plain.ts").read_bytes()) :]
        + (folder / "plain.ts").read_bytes()
    ),
    "cut_short.mp4": lambda folder: (folder / "index_in_front.mp4").read_bytes()[:-2500],
    "cut_short.mkv": lambda folder: (folder / "plain.mkv").read_bytes()[:-2500],
    "broken.mkv": _broken,
    "size_changes.h264": lambda folder: _changed(folder, size=(96, 64)),
    "still.png": lambda folder: _still(folder, "png", "image2pipe", "rgb24"),
    "still.jpg": lambda folder: _still(folder, "mjpeg", "image2pipe", "yuvj420p"),
    "text.mp4": lambda folder: b"no video at all\n" * 40,
    "empty.mp4": lambda folder: b"",
}
