"""Where the time of decoding goes, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch

from bitstream.access_unit import AccessUnit
from bitstream.formats import motion_tables
from bitstream.latent_decoder import LatentDecoder
from tools.bench.markdown import Table
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import decoding_precision
from videocodec.networks.autoencoder import Decoder
from videocodec.networks.placement import placed
from videocodec.restoration.neighbours import neighbours
from videocodec.restoration.settings import RestorationSettings


def latent_speed(coded: Path, model: str | None = None) -> float:
    """Frames per second from access units to latents with their checksum, the best of three passes;
    reading the file is not in it.
    """
    stream = LatentStream(coded, model)
    units = [AccessUnit.parse(sample.data) for sample in stream.reader.units()]
    best = float("inf")
    for _ in range(3):
        begin, decoder = time.perf_counter(), LatentDecoder(stream.bundle.tables)
        for unit in units:
            decoder.decode(unit)
        best = min(best, time.perf_counter() - begin)
    return sum(unit.frame_count for unit in units) / best


def stages(coded: Path, *, model: str, device: str, threads: int) -> tuple[Table, Table]:
    """Frames per second with networks loaded, with and without the UNet of the model, and
    milliseconds a frame of every stage.
    """
    stream = LatentStream(coded, model)
    whole = Table(["decode", "frames per second"], ["{}", "{:.1f}"])
    for restore in (True, False) if stream.bundle.has_unet else (False,):
        decoder = PictureDecoder(
            stream, device, threads, settings=RestorationSettings(restore=restore)
        )
        frames = decoder.frames()
        for _ in range(decoder.batch_size):
            next(frames)
        begin = time.perf_counter()
        count = sum(1 for _ in frames)
        speed = count / (time.perf_counter() - begin)
        whole.add(f"{'with' if restore else 'without'} UNet, models loaded", speed)
    milliseconds = _stage_times(stream, decoder, device, threads)
    milliseconds = {"latents": 1000 / latent_speed(coded, model), **milliseconds}
    total = sum(milliseconds.values())
    each = Table(["stage", "ms a frame", "share"], ["{}", "{:.1f}", "{:.0f} %"])
    for name, value in milliseconds.items():
        each.add(name, value, 100 * value / total)
    return whole, each


def _stage_times(
    stream: LatentStream, decoder: PictureDecoder, device: str, threads: int
) -> dict[str, float]:
    """Milliseconds a frame of what follows the latents.  decoder: without UNet."""
    latents = list(stream.frames())
    size, block = decoder.batch_size, stream.header.block_latents
    batches = [range(first, first + size) for first in range(size, len(latents) - size, size)]

    def per_frame(work: Callable[[range], object]) -> float:
        begin = time.perf_counter()
        for batch in batches:
            work(batch)
        return 1000 * (time.perf_counter() - begin) / (size * len(batches))

    by_stage = {}
    plain = per_frame(lambda batch: decoder.pictures(latents, batch))
    if stream.bundle.has_unet:
        tables = motion_tables(stream.bundle.tables)
        by_stage["neighbours"] = per_frame(
            lambda batch: [neighbours(tables, latents, i, block) for i in batch]
        )
        restoring = PictureDecoder(stream, device, threads)
        restoring.pictures(latents, batches[0])
        restored_seconds = per_frame(lambda batch: restoring.pictures(latents, batch))
        by_stage["UNet"] = restored_seconds - plain - by_stage["neighbours"]
    by_stage["autoencoder"] = plain
    return by_stage


def compiled(bundle: ModelBundle, width: int, height: int, device_name: str, threads: int) -> Table:
    """Milliseconds of processor time (on a CPU, where other programs then count less) or of time
    that the autoencoder's decoder takes for a picture of width × height px, as it is and compiled.
    """
    torch.set_num_threads(threads)
    device = torch.device(device_name)
    decoder = cast(Decoder, bundle.load_autoencoder().decoder.eval())
    decoder = placed(decoder, device)
    shape = (1, decoder.linear.in_channels, height // 8, width // 8)
    latents = torch.randn(*shape, device=device).contiguous(memory_format=torch.channels_last)
    log2_step = torch.ones(1, *shape[2:], device=device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter

    def once(network: Callable[..., torch.Tensor]) -> float:
        begin = clock()
        network(latents, log2_step)[0, 0, 0, 0].item()  # waits for the device
        return 1000 * (clock() - begin)

    faster = torch.compile(decoder)
    with torch.inference_mode(), decoding_precision(device):
        begin = time.perf_counter()
        once(faster)
        first = time.perf_counter() - begin
        # in turns, so that a slower minute meets both
        times = [(once(decoder), once(faster)) for _ in range(20)]
    plain, fast = np.median(np.array(times), 0)
    table = Table(["autoencoder's decoder", "ms a picture"], ["{}", "{:.1f}"])
    table.add("as it is", float(plain))
    table.add("compiled", float(fast))
    table.add("compiled, the first picture", 1000 * first)
    return table
