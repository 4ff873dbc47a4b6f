"""What tests of several packages share: textured pictures, small real movies, and LPIPS weights of
the right shapes.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from videocodec.ladder.priority import stay_ordinary

# As `import videocodec` does: several processes of tests share the cores, and PyTorch may be
# imported first.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# Some tests encode with SVT-AV1 here; browsers that later ones start would run in real time, and
# nothing else.
stay_ordinary()
# What is ignored here, as under nohup and in the background of a shell, would be in every program
# that tests start and send signals to.
for _name, _usual in (
    ("SIGINT", signal.default_int_handler),
    ("SIGTERM", signal.SIG_DFL),
    ("SIGHUP", signal.SIG_DFL),
):
    if signal.getsignal(getattr(signal, _name, signal.SIGINT)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), _usual)
# How quick a machine is says nothing about the code.
settings.register_profile("videocodec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("videocodec")

PACKET_SAMPLES = 1024  # of an AAC packet


def _texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture (height, width, 3) uint8 with detail of 6 px and more everywhere, the same for the
    same arguments.
    """
    noise = (
        np.random.default_rng(seed).standard_normal((height + 64, width + 64, 3)).astype(np.float32)
    )
    fine, coarse = (cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (2.5, 12))
    mixed = fine / fine.std() + 1.5 * coarse / coarse.std()
    return np.clip(128 + 30 * mixed, 0, 255).astype(np.uint8)[32:-32, 32:-32]


@pytest.fixture(scope="session")
def texture() -> Callable[..., np.ndarray]:
    """texture(height, width, seed) → a picture with detail everywhere."""
    return _texture


@pytest.fixture(scope="session")
def panned() -> Callable[..., list[np.ndarray]]:
    """panned(count, height, width, (dy, dx), seed) → frames of a camera that moves by (dy, dx) px
    from frame to frame.
    """

    def make(
        count: int, height: int, width: int, step: tuple[int, int], seed: int = 0
    ) -> list[np.ndarray]:
        reach = [abs(side) * (count - 1) for side in step]
        scene = _texture(height + reach[0], width + reach[1], seed)
        starts = [(reach[axis] if step[axis] < 0 else 0) for axis in (0, 1)]
        corners = [
            (starts[0] + index * step[0], starts[1] + index * step[1]) for index in range(count)
        ]
        return [np.ascontiguousarray(scene[y : y + height, x : x + width]) for y, x in corners]

    return make


@pytest.fixture(scope="session")
def broken_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie in Matroska, 25 frames of 64×48, whose AC-3 sound has a packet of zeros near its end:
    Matroska takes that, MP4 does not.
    """
    path = tmp_path_factory.mktemp("broken_sound") / "movie.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, width=64, height=48)
        sound = container.add_stream("ac3", rate=48000)
        for index in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * index, np.uint8))
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        samples = sound.codec_context.frame_size
        for index in range(48000 // samples):
            block = av.AudioFrame.from_ndarray(
                np.zeros((2, samples), np.float32), format="fltp", layout="stereo"
            )
            block.sample_rate, block.pts = 48000, index * samples
            block.time_base = Fraction(1, 48000)
            for packet in sound.encode(block):
                if index == 24:
                    zeros = av.Packet(bytes(packet.size))
                    zeros.stream, zeros.time_base = sound, packet.time_base
                    zeros.pts, zeros.dts, zeros.duration = packet.pts, packet.dts, packet.duration
                    packet = zeros
                container.mux(packet)
    return path


@pytest.fixture(scope="session")
def write_movie() -> Callable[..., Path]:
    """write_movie(path, frames, pts=None, time_base=1/25, sound_seconds=0, keyframe_distance=250)
    → path of an H.264 movie of those frames.
    """

    def write(
        path: Path,
        frames: Sequence[np.ndarray],
        *,
        pts: Iterable[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        sound_seconds: float = 0,
        keyframe_distance: int = 250,
    ) -> Path:
        height, width = frames[0].shape[:2]
        pixels = "yuv444p" if height % 2 or width % 2 else "yuv420p"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(
                "libx264", rate=25, width=width, height=height, pix_fmt=pixels, time_base=time_base
            )
            stream.codec_context.time_base = time_base
            stream.codec_context.options = {
                "crf": "4",
                "preset": "ultrafast",
                "g": str(keyframe_distance),
            }
            sound = container.add_stream("aac", rate=48000) if sound_seconds else None
            times = range(len(frames)) if pts is None else pts
            for rgb, time in zip(frames, times, strict=True):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts, frame.time_base = time, time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if sound is not None:
                rng = np.random.default_rng(1)
                for index in range(int(sound_seconds * 48000) // PACKET_SAMPLES):
                    noise = rng.normal(0, 0.1, (2, PACKET_SAMPLES)).astype(np.float32)
                    block = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
                    block.sample_rate, block.pts, block.time_base = (
                        48000,
                        index * PACKET_SAMPLES,
                        Fraction(1, 48000),
                    )
                    container.mux(sound.encode(block))
                container.mux(sound.encode())
        return path

    return write


@pytest.fixture(scope="session")
def lpips_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A safetensors file with random numbers in the shapes of LPIPS with SqueezeNet 1.1."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes = {"conv1": (64, 3, 3, 3)}
    inputs, taps = 64, [64]
    for fire, (squeeze, expand) in enumerate(
        [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)],
        start=2,
    ):
        shapes |= {
            f"fire{fire}.squeeze1x1": (squeeze, inputs, 1, 1),
            f"fire{fire}.expand1x1": (expand, squeeze, 1, 1),
            f"fire{fire}.expand3x3": (expand, squeeze, 3, 3),
        }
        inputs = 2 * expand
        if fire not in (2, 4):
            taps.append(inputs)
    tensors = {}
    for name, shape in shapes.items():
        tensors[f"{name}.weight"] = (
            rng.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5
        ).astype(np.float32)
        tensors[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    tensors |= {
        f"lin{index}.weight": rng.random((1, channels, 1, 1)).astype(np.float32) / channels
        for index, channels in enumerate(taps)
    }
    path = tmp_path_factory.mktemp("lpips") / "lpips_squeeze.safetensors"
    save_file(tensors, str(path))
    return path


_BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium, driven by Playwright, one for all: it cannot be driven twice at a time.

    Tests of pages are skipped where either is missing; nothing is downloaded.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="pages need a browser: Playwright's Python package is not installed",
    )
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if program is None:
        pytest.skip("pages need a browser: there is no chromium here")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=_BROWSER_ARGUMENTS)
        yield opened
        opened.close()
