"""What is done to pictures before they are coded is done alike on many machines and on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videocodec import encode, info
from videocodec.encoder.request import RateGoal
from videocodec.encoder.settings import EncoderSettings
from videocodec.farm.merging import merge_chunks
from videocodec.farm.plan import FarmPlan
from videocodec.farm.planning import PlanRequest, make_plan, write_plan
from videocodec.farm.store import FarmStore
from videocodec.farm.worker import Machine, PlanWorker
from videocodec.media.colour import TRANSFER_PQ
from videocodec.media.options import SourceOptions

from .choices import GOP_SIZE, PRESET

COUNT = 6
MACHINE = Machine(device="cpu", threads=1)


def _write(path: Path, *, interlaced: bool, transfer: int | None) -> None:
    """A bar that moves, 48×32, marked as interlaced or as HDR."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25, width=48, height=32)
        parameters = "tff=1" if interlaced else "bframes=0"
        stream.codec_context.options = {"crf": "4", "x264-params": parameters}
        if transfer is not None:
            stream.codec_context.color_trc = transfer
            stream.codec_context.colorspace = stream.codec_context.color_primaries = 9
        for index in range(COUNT):
            rgb = np.full((32, 48, 3), 60, np.uint8)
            for field in range(2):
                begin = 4 * index + 2 * field
                rgb[field::2, begin : begin + 8] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("reading", "done"),
    [({"deinterlace": True}, "whole pictures were made"), ({"to_sdr": True}, "tone-mapped to SDR")],
)
def test_converted_pictures_give_the_bytes_of_one_machine(
    tmp_path: Path, reading: dict[str, bool], done: str
) -> None:
    movie, is_hdr = tmp_path / "movie.mkv", "to_sdr" in reading
    _write(movie, interlaced=not is_hdr, transfer=TRANSFER_PQ if is_hdr else None)
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    options = SourceOptions(strict=False, **reading)
    plan = make_plan(PlanRequest(movie, settings, RateGoal(), model="embedded", options=options))
    assert len(plan.chunks) == 2 and any(done in line for line in plan.reading.conversions)
    _check_bytes_of_one_machine(plan, movie, tmp_path, reading)


def test_smaller_pictures_give_the_bytes_of_one_machine(tmp_path: Path) -> None:
    """And the file shows them at full size."""
    movie = tmp_path / "movie.mkv"
    _write(movie, interlaced=False, transfer=None)
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    options = SourceOptions(strict=False, scale=0.5)
    plan = make_plan(PlanRequest(movie, settings, RateGoal(), model="embedded", options=options))
    write_plan(plan, tmp_path / "plan.json", overwrite=False)
    assert FarmPlan.read(tmp_path / "plan.json") == plan
    assert (plan.header.width, plan.header.height) == (24, 16)
    farmed = _check_bytes_of_one_machine(plan, movie, tmp_path, {"scale": 0.5})
    assert info(farmed, headers_only=True).width == 48


def _check_bytes_of_one_machine(
    plan: FarmPlan, movie: Path, folder: Path, choices: dict[str, Any]
) -> Path:
    """Code a plan by workers that know nothing of each other → the file, which is the one that one
    machine makes.
    """
    store = FarmStore(folder / "store", plan.id)
    for index in (1, 0):
        with PlanWorker(plan, store, MACHINE) as worker:
            assert [report.coded for report in worker.encode([index])] == [True]
    farmed, alone = folder / "farm.lv.mp4", folder / "alone.lv.mp4"
    merge_chunks(plan, store, farmed, MACHINE)
    encode(
        movie,
        alone,
        crf=40,
        gop_size=GOP_SIZE,
        preset=PRESET,
        device="cpu",
        threads=1,
        model="embedded",
        **choices,
    )
    assert farmed.read_bytes() == alone.read_bytes()
    return farmed
