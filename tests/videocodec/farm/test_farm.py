"""From a plan to a file by many hands: the same bytes as on one machine, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from bitstream.container import Caption
from bitstream.errors import ContainerError
from videocodec import encode, info
from videocodec.captions import captions_of
from videocodec.encoder.report import EncodeReport
from videocodec.encoder.request import RateGoal
from videocodec.encoder.settings import EncoderSettings
from videocodec.errors import (
    InputError,
    ModelMismatchError,
    OutputError,
    OutputExistsError,
    SettingsError,
    UnfinishedPlanError,
)
from videocodec.farm import merging
from videocodec.farm.merging import merge_chunks
from videocodec.farm.plan import FarmPlan
from videocodec.farm.planning import PlanRequest, make_plan, write_plan
from videocodec.farm.store import FarmStore
from videocodec.farm.worker import Machine, PlanWorker
from videocodec.inspection.verify import VerifyReport
from videocodec.media.options import SourceOptions

from .choices import GOP_SIZE, PRESET

MACHINE = Machine(device="cpu", threads=1)


def code(plan: FarmPlan, store: FarmStore, indices: list[int] | None = None) -> list[bool]:
    """What a worker coded of the chunks it was given, in their order."""
    with PlanWorker(plan, store, MACHINE) as worker:
        wanted = range(len(plan.chunks)) if indices is None else indices
        return [report.coded for report in worker.encode(wanted)]


def unfinished(plan: FarmPlan, store: FarmStore, target: Path) -> UnfinishedPlanError:
    with pytest.raises(UnfinishedPlanError) as raised:
        merge_chunks(plan, store, target, MACHINE)
    assert not target.exists()
    return raised.value


def driven(plan: FarmPlan, store: FarmStore, target: Path) -> EncodeReport:
    """What a loop over merge and encode-chunk ends with."""
    for _ in range(20):
        try:
            return merge_chunks(plan, store, target, MACHINE)
        except UnfinishedPlanError as error:
            code(plan, store, list(error.chunks))
    raise AssertionError("it never ends")


def alone(movie: Path, target: Path, **wanted: Any) -> bytes:
    """The file that one machine makes."""
    encode(
        movie,
        target,
        gop_size=GOP_SIZE,
        preset=PRESET,
        device="cpu",
        threads=1,
        model="embedded",
        **wanted,
    )
    return target.read_bytes()


def test_the_file_is_that_of_one_machine_and_nothing_is_coded_twice(
    planned: Callable[..., FarmPlan], movie: Path, tmp_path: Path
) -> None:
    plan, target = planned(crf=40), tmp_path / "farm.lv.mp4"
    store = FarmStore(tmp_path / "store", plan.id)
    assert unfinished(plan, store, target).chunks == (0, 1, 2, 3)
    assert code(plan, store, [2]) == [True]
    assert code(plan, store, [3, 2, 0]) == [True, False, True]
    error = unfinished(plan, store, target)
    assert (error.chunks, error.pass_number, error.total) == ((1,), 1, 4)
    assert code(plan, store) == [False, True, False, False]
    report = merge_chunks(plan, store, target, MACHINE)
    assert target.read_bytes() == alone(movie, tmp_path / "alone.lv.mp4", crf=40)
    assert (report.frames, report.keyframes, report.passes) == (14, 4, 1)
    with pytest.raises(OutputExistsError):
        merge_chunks(plan, store, target, MACHINE)


def test_a_damaged_chunk_is_found_and_coded_again(
    planned: Callable[..., FarmPlan], tmp_path: Path
) -> None:
    plan, target = planned(crf=50), tmp_path / "farm.lv.mp4"
    store = FarmStore(tmp_path / "store", plan.id)
    code(plan, store)
    merge_chunks(plan, store, target, MACHINE)
    whole = target.read_bytes()
    target.unlink()
    file = sorted((tmp_path / "store" / plan.id).glob("*.chunk"))[1]
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert unfinished(plan, store, target).chunks == (1,)
    assert code(plan, store) == [False, True, False, False]
    merge_chunks(plan, store, target, MACHINE)
    assert target.read_bytes() == whole


def test_two_workers_on_the_same_chunk_write_the_same(
    planned: Callable[..., FarmPlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(crf=50)
    store = FarmStore(tmp_path / "store", plan.id)
    save, saved = FarmStore.save, []

    def late(self: FarmStore, task, results) -> None:
        """Another worker finishes the same chunk before this one does."""
        if not saved:
            saved.append(results)
            code(plan, store, [1])
        else:
            saved.append(results)
        save(self, task, results)

    monkeypatch.setattr(FarmStore, "save", late)
    assert code(plan, store, [1]) == [True]
    assert len(saved) == 2 and saved[0] == saved[1]
    assert len(list((tmp_path / "store" / plan.id).iterdir())) == 1
    assert store.load(plan.first_task(1)) == saved[0]


@pytest.mark.parametrize("goal", [{"bitrate": 30_000.0}, {"crf": 20, "maxrate": 60_000.0}])
def test_a_rate_holds_for_the_whole_file_with_the_bytes_of_one_machine(
    planned: Callable[..., FarmPlan], movie: Path, tmp_path: Path, goal: dict[str, float]
) -> None:
    plan, target = planned(**goal), tmp_path / "farm.lv.mp4"
    store = FarmStore(tmp_path / "store", plan.id)
    report = driven(plan, store, target)
    assert target.read_bytes() == alone(movie, tmp_path / "alone.lv.mp4", **goal)
    if "bitrate" in goal:
        assert report.passes > 1
        assert report.video_bitrate_bps == pytest.approx(30_000, rel=0.03)


def test_a_file_that_does_not_verify_never_gets_its_name(
    planned: Callable[..., FarmPlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, target = planned(crf=50), tmp_path / "farm.lv.mp4"
    store = FarmStore(tmp_path / "store", plan.id)
    code(plan, store)
    broken = VerifyReport(0, 0, ["access unit 3: its checksum is wrong"])
    monkeypatch.setattr(merging, "verify", lambda *_, **__: broken)
    with pytest.raises(OutputError, match="does not verify: access unit 3"):
        merge_chunks(plan, store, target, MACHINE)
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_another_source_or_model_is_refused(
    planned: Callable[..., FarmPlan], movie: Path, tmp_path: Path
) -> None:
    plan = planned()
    store = FarmStore(tmp_path / "store", plan.id)
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(movie.read_bytes()[:-1] + b"!")
    machines = {
        "not the file that was planned": Machine(source=changed),
        "say with --source": Machine(source=tmp_path / "absent.mp4"),
    }
    for complaint, machine in machines.items():
        with (
            PlanWorker(plan, store, machine) as worker,
            pytest.raises(InputError, match=complaint),
        ):
            list(worker.encode([0]))
    with (
        PlanWorker(plan, store, Machine(model="embedded-unet")) as worker,
        pytest.raises(ModelMismatchError, match="made for another model"),
    ):
        list(worker.encode([0]))
    assert not (tmp_path / "store").exists()


def test_a_source_is_read_as_on_one_machine(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(3):
        rgba = np.full((32, 48, 4), (40, 80 * number, 160, 60 * number), np.uint8)
        cv2.imwrite(str(frames / f"{number}.png"), rgba)
    (frames / "2.png").write_bytes(b"damaged")
    options = SourceOptions(strict=False, background=(0, 255, 0), fps=Fraction(12))
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    plan = make_plan(PlanRequest(frames, settings, RateGoal(), model="embedded", options=options))
    write_plan(plan, tmp_path / "plan.json", overwrite=False)
    plan = FarmPlan.read(tmp_path / "plan.json")
    store, target = FarmStore(tmp_path / "store", plan.id), tmp_path / "farm.lv.mp4"
    report = driven(plan, store, target)
    wanted = {"crf": 40, "background": "#00ff00", "fps": 12}
    assert target.read_bytes() == alone(frames, tmp_path / "alone.lv.mp4", **wanted)
    assert any("alpha is flattened onto #00ff00" in line for line in report.warnings)
    assert len(report.losses) == 1 and report.losses[0].endswith("left out")


def test_captions_are_those_of_one_machine_and_count_for_the_rate(
    movie: Path, tmp_path: Path
) -> None:
    words = "a street in the rain, and a bus"
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    goal = RateGoal.checked(30_000.0, None, None)
    request = PlanRequest(
        movie, settings, goal, model="embedded", captions=captions_of(words, None)
    )
    plan, target = make_plan(request), tmp_path / "farm.lv.mp4"
    report = driven(plan, FarmStore(tmp_path / "store", plan.id), target)
    wanted = {"bitrate": 30_000.0, "caption": words}
    assert target.read_bytes() == alone(movie, tmp_path / "alone.lv.mp4", **wanted)
    assert [caption.text for caption in info(target).captions] == [words]
    assert any("takes no words" in line for line in report.warnings)


def test_too_many_words_are_refused_when_it_is_planned(movie: Path) -> None:
    captions = tuple(Caption(Fraction(number, 100), "x" * 600) for number in range(2))
    settings = EncoderSettings(gop_size=GOP_SIZE, preset=PRESET)
    with pytest.raises(SettingsError, match="1200 bytes within"):
        make_plan(PlanRequest(movie, settings, RateGoal(), model="embedded", captions=captions))


def test_tags_and_location_are_those_of_one_machine(movie: Path, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.mp4"
    with av.open(str(movie)) as source, av.open(str(tagged), "w") as output:
        output.metadata.update({"title": "A", "location": "+12.3+045.6/"})
        target = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = target
                output.mux(packet)
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    plan = make_plan(PlanRequest(tagged, settings, RateGoal(), model="embedded", max_frames=2))
    store, merged = FarmStore(tmp_path / "store", plan.id), tmp_path / "farm.lv.mp4"
    report = driven(plan, store, merged)
    assert merged.read_bytes() == alone(tagged, tmp_path / "alone.lv.mp4", crf=40, max_frames=2)
    assert any("where it was recorded" in line for line in report.skipped_tracks)


def test_a_plan_is_refused_whose_sound_could_not_be_merged(broken_sound) -> None:
    settings = EncoderSettings(crf=40, gop_size=GOP_SIZE, preset=PRESET)
    goal, strict = RateGoal.checked(None, None, None), SourceOptions(strict=True)
    with pytest.raises(ContainerError, match="track 1 cannot be copied"):
        make_plan(PlanRequest(broken_sound, settings, goal, options=strict))
