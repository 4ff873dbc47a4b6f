"""Nothing is scored that does not lie beside its source, nor by a metric that misjudges it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec.errors import ComparisonError, ProgramError
from videocodec.ladder import task
from videocodec.ladder.api import ladder
from videocodec.ladder.clips import Clip, prepare
from videocodec.ladder.codecs import EncodeTask, codec_named
from videocodec.ladder.metrics import all_metrics
from videocodec.ladder.planes import ToRgb, read
from videocodec.ladder.trust import check_alignment, check_self_score, check_times

from .conftest import FRAMES, QUICK
from .workers_here import WorkerHere

pytestmark = pytest.mark.usefixtures("orders_here")


def shifted(frames: np.ndarray, by: int) -> np.ndarray:
    """Frames that come ``by`` later, the first repeated; earlier and the last repeated, below 0."""
    places = np.clip(np.arange(len(frames)) - by, 0, len(frames) - 1)
    return frames[places]


class TestAlignment:
    @pytest.mark.parametrize("by", [1, 2, -1])
    @pytest.mark.parametrize("amplitude", [0, 20])
    def test_a_clip_that_is_shifted_is_refused_with_the_number_of_frames(
        self, clip: Clip, noise: Callable, by: int, amplitude: int
    ) -> None:
        reference = np.array(clip.reference())
        noisy = noise(amplitude)(shifted(reference, by).astype(np.int16))
        count = "1 frame" if abs(by) == 1 else "2 frames"
        words = f"misaligned: pictures come {count} {'later' if by > 0 else 'earlier'} than in"
        with pytest.raises(ProgramError, match=words):
            check_alignment(reference, np.clip(noisy, 0, 255).astype(np.uint8), clip)

    def test_so_is_one_of_which_half_is_shifted(self, clip: Clip) -> None:
        reference = np.array(clip.reference())
        broken = np.concatenate([reference[:3], shifted(reference, 1)[3:]])
        with pytest.raises(ProgramError, match="1 frame later than in the source"):
            check_alignment(reference, broken, clip)

    @pytest.mark.parametrize(
        "change",
        [
            lambda frames: frames,
            lambda frames: frames // 32 * 32,
            lambda frames: np.roll(frames, 2, axis=2),
            lambda frames: frames // 4 + 90,
            # pictures that are repeated to save bytes
            lambda frames: frames[np.arange(len(frames)) // 2 * 2],
            lambda frames: np.stack([frames[0], *((frames[:-1] + frames[1:]) // 2)]),
        ],
    )
    def test_coarse_pictures_are_no_shift(self, clip: Clip, change: Callable) -> None:
        reference = np.array(clip.reference())
        changed = np.clip(change(reference.astype(np.int16)), 0, 255).astype(np.uint8)
        check_alignment(reference, changed, clip)

    def test_a_still_scene_tells_nothing(self, clip: Clip) -> None:
        still = np.repeat(np.array(clip.reference())[:1], FRAMES, axis=0)
        check_alignment(still, shifted(still, 1), clip)


class TestTimes:
    def test_those_of_the_rate_are_taken(self, clip: Clip) -> None:
        check_times([index / 25 for index in range(FRAMES)], clip)

    @pytest.mark.parametrize(
        ("seconds", "message"),
        [
            ([index / 25 for index in range(FRAMES - 1)], "8 frames came back instead of 9"),
            ([index / 30 for index in range(FRAMES)], "frame 4 is shown at 0.1333 s instead of"),
            ([None] * FRAMES, "frame 0 has no time"),
        ],
    )
    def test_others_are_refused(self, clip: Clip, seconds: list, message: str) -> None:
        with pytest.raises(ProgramError, match=message):
            check_times(seconds, clip)


def test_a_rung_shifted_by_one_frame_is_refused_and_not_scored(
    clip_path: Path, write_movie: Callable, tmp_path: Path
) -> None:
    first = ladder([clip_path], tmp_path / "out", **QUICK)
    assert [record["error"] for record in first["records"]] == [None, None]
    # The same clip without its first frame, the last one twice, coded as the rung was.
    clip = prepare(clip_path, tmp_path / "out" / "cache" / "clips")
    to_rgb = ToRgb(clip)
    frames = [to_rgb(frame.to_ndarray()) for frame in read(clip.path())]
    late = prepare(
        write_movie(tmp_path / "late.mp4", [*frames[1:], frames[-1]]), tmp_path / "clips"
    )
    folder = next((tmp_path / "out" / "cache" / "encodes").glob("*crf30*"))
    settings = ("crf", 30, "ultrafast", 250, 1, "")
    with contextlib.chdir(tmp_path):  # where encoders put their statistics
        codec_named("x264").encode(EncodeTask(late, 1.0, tmp_path / "late-coded.mp4", *settings))
    shutil.copy(tmp_path / "late-coded.mp4", folder / "coded.mp4")
    for file in [*folder.glob("psnr-*.json"), folder / "decode.json"]:
        file.unlink()
    coarse, fine = ladder([clip_path], tmp_path / "out", **QUICK)["records"]
    assert coarse["error"] is None
    assert fine["error"].startswith("misaligned: pictures come 1 frame earlier than in the source")
    assert fine["quality"] == {}


class TestSelfScore:
    def test_every_metric_at_hand_finds_a_clip_equal_to_itself(
        self, clip: Clip, lpips_weights: Path
    ) -> None:
        files = {"lpips-weights": str(lpips_weights)}
        metrics = all_metrics(files)
        names = [name for name, one in metrics.items() if one.missing(clip) is None]
        clip.reference()
        task.measure_self(clip, files, names)
        assert {"ssimulacra2", "psnr", "lpips", "flicker"} <= set(names)

    def test_one_that_does_not_stops(self, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
        from videocodec.ladder.metrics.filters import Psnr

        wrong = {"psnr_y": [100.0] * 8 + [99.0], "psnr_yuv": [100.0] * 9}
        monkeypatch.setattr(Psnr, "measure", lambda self, pair: wrong)
        clip.reference()
        message = "PSNR Y of pan against itself is 99.0, and 100 would be perfect"
        with pytest.raises(ComparisonError, match=message):
            task.measure_self(clip, {}, ["psnr"])

    @pytest.mark.parametrize("value", [None, float("nan"), 94.9, 99.99])
    def test_no_score_is_none_that_is_perfect(self, clip: Clip, value: float | None) -> None:
        (figure,) = all_metrics()["ssimulacra2"].figures
        with pytest.raises(ComparisonError, match="against itself"):
            check_self_score([figure], {"ssimulacra2": [value]}, clip)

    def test_the_ladder_stops_before_anything_is_encoded(
        self, clip_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        orders = []

        def refuse(self: WorkerHere, order: dict, label: str) -> None:
            orders.append(order["kind"])
            raise ProgramError("PSNR Y of pan against itself is 31, and 100 would be perfect")

        monkeypatch.setattr(WorkerHere, "call", refuse)
        with pytest.raises(ComparisonError, match="against itself is 31"):
            ladder([clip_path], tmp_path / "out", **QUICK)
        assert orders == ["self"]
        assert not (tmp_path / "out" / "results.json").exists()
