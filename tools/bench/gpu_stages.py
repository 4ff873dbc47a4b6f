"""Stages of decoding on an accelerator, each timed by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.errors import OutOfMemoryError, SettingsError
from videocodec.models.runtime import AutoencoderRuntime, run_for_pictures

_BATCHES = (2, 4, 8, 16, 32)
_MOST_PIXELS = 1 << 26  # of a batch: 8 of 4K, 2 GB of activations in half precision
_RUNS = 5


@dataclass(frozen=True)
class Shape:
    """Of pictures in pixels, and of their latents in positions, padded to whole blocks of 16 px."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Shape:
        """From WxH.  Raises ``SettingsError``."""
        match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
        if match is None:
            raise SettingsError(f"a size must be like 1920x1080, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.width}x{self.height}"

    @property
    def rows(self) -> int:
        """Of positions."""
        return -(-self.height // 16) * 2

    @property
    def columns(self) -> int:
        """Of positions."""
        return -(-self.width // 16) * 2


def synchronised(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def milliseconds(work: Callable[[], object], device: torch.device, runs: int = _RUNS) -> float:
    """Median time of some work after it ran once."""
    work()
    times = []
    for _ in range(runs):
        synchronised(device)
        begin = time.perf_counter()
        work()
        synchronised(device)
        times.append(1000 * (time.perf_counter() - begin))
    return median(times)


def _inputs(runtime: AutoencoderRuntime, shape: Shape, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents (B, C, h, w) int16 such as streams have, and steps (B, h, w) float32."""
    generator = np.random.default_rng(3)
    size = batch, len(runtime.bundle.latent_scale), shape.rows, shape.columns
    latents = np.rint(generator.laplace(0, UNITS_PER_LATENT, size)).astype(np.int16)
    return latents, np.full((batch, shape.rows, shape.columns), 0.5, np.float32)


@torch.inference_mode()
def stages(runtime: AutoencoderRuntime, shape: Shape, batch: int) -> dict[str, float]:
    """Milliseconds a frame: copy to the device, network, colours there, copy back, all of that as
    the decoder does it, and the encoder's network with its copies.
    """
    device, (latents, steps) = runtime.device, _inputs(runtime, shape, batch)

    def upload() -> tuple[torch.Tensor, torch.Tensor]:
        scaled = torch.from_numpy(latents).to(device).float() / UNITS_PER_LATENT
        return scaled, torch.from_numpy(steps).to(device)

    def colours(sample: torch.Tensor) -> torch.Tensor:
        pixels = sample.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous()

    scaled, on_device = upload()

    def network() -> torch.Tensor:
        return run_for_pictures(device, lambda: runtime.pictures(scaled, on_device))

    sample = network()
    pixels = colours(sample)
    pictures = np.zeros((batch, shape.height, shape.width, 3), np.uint8)
    padded = 8 * shape.rows, 8 * shape.columns
    work: dict[str, Callable[[], object]] = {
        "copy to the device": upload,
        "network": network,
        "colours": lambda: colours(sample),
        "copy back": lambda: pixels.cpu(),
        "whole decode": lambda: runtime.decode(latents, steps, shape.height, shape.width),
        "encode": lambda: runtime.encode(pictures, *padded),
    }
    return {name: milliseconds(each, device) / batch for name, each in work.items()}


def best_batch(runtime: AutoencoderRuntime, shape: Shape, until: float) -> int:
    """The batch size with the most frames per second, tried upwards while it gets better by 3 %,
    fits, and the clock (``time.monotonic``) is before ``until``.
    """
    best, fastest = 1, float("inf")
    for batch in (1, *_BATCHES):
        if batch * shape.width * shape.height > _MOST_PIXELS or time.monotonic() > until:
            break
        latents, steps = _inputs(runtime, shape, batch)

        def decode(latents: np.ndarray = latents, steps: np.ndarray = steps) -> object:
            return runtime.decode(latents, steps, shape.height, shape.width)

        try:
            taken = milliseconds(decode, runtime.device, 3) / batch
        except OutOfMemoryError:
            break
        if taken > 0.97 * fastest:
            break
        best, fastest = batch, taken
    return best


@torch.inference_mode()
def graph_milliseconds(runtime: AutoencoderRuntime, shape: Shape) -> float:
    """Milliseconds of one frame's network replayed as a CUDA graph; NaN on other devices, and where
    the network cannot be captured.
    """
    device = runtime.device
    if device.type != "cuda":
        return float("nan")
    latents, steps = _inputs(runtime, shape, 1)
    z = torch.from_numpy(latents).to(device).float() / UNITS_PER_LATENT
    z = z.contiguous(memory_format=torch.channels_last)
    log2_step = torch.from_numpy(steps).to(device).log2()
    network = runtime.bundle.load_autoencoder().decoder.to(device).eval()
    try:
        # the weights that autocast converts must not be kept from before the capture
        with torch.autocast("cuda", torch.float16, cache_enabled=False):
            side = torch.cuda.Stream(device)
            side.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(side):
                for _ in range(3):
                    network(z, log2_step)
            torch.cuda.current_stream(device).wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                network(z, log2_step)
    except RuntimeError:
        return float("nan")
    return milliseconds(graph.replay, device)
