"""The passes over all chunks of a video, with a linear codec and frames from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videocodec.encoder.chunk_coder import ChunkCoder, ChunkTask, CodedChunk
from videocodec.encoder.chunk_store import ChunkStore
from videocodec.encoder.chunks import KeyframePlanner, plan_chunks
from videocodec.encoder.coded_video import Outcome
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.peak_rate import peak
from videocodec.encoder.pipeline import Encoding, VideoTask, sequence_header
from videocodec.encoder.rate_control import PROBE_CRFS
from videocodec.encoder.settings import MAX_CRF, EncoderSettings
from videocodec.encoder.workplace import UnitCallback, Workers
from videocodec.media.source import SourceFrame, VideoSource
from videocodec.progress import Progress

HEIGHT, WIDTH = 64, 96
TIME_BASE = Fraction(1, 25)


class Memory(Workers):
    """Codes frames from memory, and, as processes may, finishes the chunks in another order.

    ``coded`` lists the tasks.
    """

    def __init__(self, coder: ChunkCoder, frames: list[SourceFrame]) -> None:
        self._coder, self._frames = coder, frames
        self.coded: list[ChunkTask] = []

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        for task in reversed([task for task in tasks if task is not None]):
            self.coded.append(task)
            yield (
                task,
                self._coder.code(
                    task,
                    lambda chunk: self._frames[chunk.first : chunk.first + chunk.frames],
                    on_unit,
                ),
            )


@pytest.fixture
def video(texture) -> list[SourceFrame]:
    """50 frames, two seconds, of three scenes, the second of which moves fastest."""
    pictures = []
    for seed, count, step in ((1, 20, 1), (2, 14, 5), (3, 16, 2)):
        whole = texture(HEIGHT, WIDTH + step * count, seed)
        pictures += [
            np.ascontiguousarray(whole[:, step * index :][:, :WIDTH]) for index in range(count)
        ]
    return [SourceFrame(picture, index, 1) for index, picture in enumerate(pictures)]


@pytest.fixture
def encode(
    linear_codec, video: list[SourceFrame], tmp_path: Path
) -> Callable[..., tuple[Outcome, Memory]]:
    """encode(run, preset="fast", maxrate=None, resume=False, progress=None) → the outcome of
    ``run(encoding)``, and who coded it.
    """

    def encode(run: Callable[[Encoding], Outcome], **options: object) -> tuple[Outcome, Memory]:
        settings = EncoderSettings(preset=options.get("preset", "fast"))
        header = linear_codec.header(WIDTH, HEIGHT)
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        planned = plan_chunks(
            (search.luma(frame.rgb) for frame in video), KeyframePlanner(search, settings.gop_size)
        )
        workers = Memory(ChunkCoder(linear_codec, header, 1 << 30), video)
        with ChunkStore(
            tmp_path / "out.mp4",
            {"made_by": "videocodec, unfinished encode"},
            resume=options.get("resume", False),
        ) as store:
            task = VideoTask(planned, settings, TIME_BASE, len(video), options.get("maxrate"))
            encoding = Encoding(workers, store, task, options.get("progress"))
            outcome = run(encoding)
            for task in outcome.coded.tasks:
                assert store.load(task) is not None
        return outcome, workers

    return encode


def test_chunks_come_out_in_order_whatever_order_they_are_finished_in(encode) -> None:
    calls: list[Progress] = []
    outcome, _ = encode(Encoding.at_constant_quality, progress=calls.append)
    assert [task.chunk.first for task in outcome.coded.tasks] == [0, 20, 34]
    assert [frame.pts for frame in outcome.coded.frames] == list(range(50))
    assert (outcome.crf, outcome.passes, outcome.warnings) == (28, 1, ())
    assert outcome.coded.ticks == 50
    assert calls[-1] == Progress(50, 50, outcome.coded.size, 2.0)


def test_what_is_in_the_store_is_not_coded_again(encode) -> None:
    first, workers = encode(Encoding.at_constant_quality)
    again, resumed = encode(Encoding.at_constant_quality, resume=True)
    assert (len(workers.coded), len(resumed.coded)) == (3, 0)
    assert again == first


@pytest.mark.parametrize("rate", [6_000, 12_000])
def test_a_rate_is_met_by_all_chunks_together(encode, rate: int) -> None:
    calls: list[Progress] = []
    outcome, _ = encode(
        lambda encoding: encoding.at_rate(lambda coded: rate * 2 / 8, "x"), progress=calls.append
    )
    assert outcome.coded.size * 8 / 2 == pytest.approx(rate, rel=0.03)
    assert outcome.warnings == () and 0 < outcome.crf < MAX_CRF
    assert [progress.pass_number for progress in calls] == sorted(
        progress.pass_number for progress in calls
    )
    assert (calls[0].pass_number, calls[0].passes, calls[-1].pass_number) == (1, 2, outcome.passes)


@pytest.mark.parametrize(("preset", "probing"), [("slow", "fast"), ("superfast", "superfast")])
def test_the_first_pass_of_a_rate_spends_little_and_the_others_what_the_preset_says(
    encode, preset: str, probing: str
) -> None:
    _, workers = encode(
        lambda encoding: encoding.at_rate(lambda coded: 2000, "8 kbit/s"), preset=preset
    )
    chunks = 3
    first, rest = workers.coded[:chunks], workers.coded[chunks:]
    assert [len(task.plans) for task in first] == [len(PROBE_CRFS)] * chunks and rest
    efforts = [
        {plan.settings.effort for task in tasks for plan in task.plans} for tasks in (first, rest)
    ]
    assert efforts == [{EncoderSettings(preset=name).effort} for name in (probing, preset)]


@pytest.mark.parametrize(("target", "crf"), [(200, MAX_CRF), (10**7, 0)])
def test_a_rate_out_of_reach_is_as_near_as_it_can_be_and_says_so(
    encode, target: int, crf: int
) -> None:
    outcome, _ = encode(lambda encoding: encoding.at_rate(lambda coded: target, "5 kbit/s"))
    assert outcome.crf == crf
    assert {unit.crf for chunk in outcome.coded.units for unit in chunk} == {crf}
    (warning,) = outcome.warnings
    assert "5 kbit/s is out of reach" in warning and str(outcome.coded.size) in warning


def test_no_second_exceeds_maxrate_across_cuts_either(encode) -> None:
    free, _ = encode(Encoding.at_constant_quality)
    maxrate = 6100
    assert peak(free.coded.frames, TIME_BASE) > maxrate
    held, workers = encode(Encoding.at_constant_quality, maxrate=maxrate)
    assert peak(held.coded.frames, TIME_BASE) <= maxrate
    assert held.warnings == ()
    assert any(task.plans[0].carry for task in workers.coded)
    assert held.coded.size > free.coded.size / 3


def test_a_maxrate_above_what_it_takes_anyway_changes_nothing(encode) -> None:
    free, _ = encode(Encoding.at_constant_quality)
    held, _ = encode(Encoding.at_constant_quality, maxrate=10**6)
    assert held.coded.units == free.coded.units


def test_a_maxrate_out_of_reach_is_a_warning(encode) -> None:
    outcome, _ = encode(Encoding.at_constant_quality, maxrate=900)
    (warning,) = outcome.warnings
    assert "more than the maximum of 0.9 kbit/s" in warning


def test_the_header_says_what_the_source_is_and_what_it_was_encoded_with(
    linear_codec, write_movie, texture, tmp_path
) -> None:
    with VideoSource(write_movie(tmp_path / "a.mp4", [texture(50, 66)] * 3)) as source:
        header = sequence_header(
            source, linear_codec.bundle, EncoderSettings(crf=17, gop_size=99, preset="fast")
        )
        assert (header.width, header.height, header.frame_rate, header.time_base) == (
            66,
            50,
            25,
            source.time_base,
        )
    assert (header.crf, header.gop_size, header.preset) == (17, 99, 4)
    assert (header.model_name, header.model_sha256, header.latent_channels) == (
        "linear",
        "11" * 32,
        4,
    )


def test_a_header_marks_a_generative_reconstruction_with_a_unet_or_generated_blocks(
    linear_codec, write_movie, texture, tmp_path
) -> None:
    plain = linear_codec.bundle
    restoring = SimpleNamespace(**(vars(plain) | {"has_unet": True}))
    with VideoSource(write_movie(tmp_path / "a.mp4", [texture(50, 66)])) as source:
        flags = [
            sequence_header(
                source, bundle, EncoderSettings(generation=generation)
            ).generated_content
            for bundle, generation in (
                (plain, 1.0),
                (plain, 0.5),
                (restoring, 1.0),
                (restoring, 0.5),
            )
        ]
    assert flags == [False, True, True, True]
