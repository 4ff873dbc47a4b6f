"""The guard, through real encodes of a small clip with the embedded model and an independent
decode.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.group_structure import Structure, coding_order
from bitstream.v1.symbol_coder import SymbolWriter
from videocodec import VideoReader, encode, info
from videocodec.encoder.frame_plan import FramePlan
from videocodec.encoder.guarding import GuardedFrames
from videocodec.encoder.importance import USUAL_CLASS
from videocodec.encoder.square_measures import square_measures
from videocodec.errors import SettingsError
from videocodec.guard import Measure
from videocodec.media.source import VideoSource

SETTINGS = {"crf": 50, "preset": "veryfast", "gop_size": 3, "model": "embedded", "device": "cpu"}


@pytest.fixture
def clip(tmp_path: Path, write_movie, panned) -> Path:
    """6 frames of 128×64, in two squares: smooth, and finer than the model can show."""
    rng = np.random.default_rng(0)
    frames = [frame.copy() for frame in panned(6, 64, 128, (0, 1))]
    for frame in frames:
        frame[:, 64:] = rng.integers(0, 256, (64, 64, 3))
    return write_movie(tmp_path / "clip.mp4", frames)


def worst(path: Path, source: Path) -> np.ndarray:
    """Least PSNR of every frame's squares (frames, 1, 2)."""
    with VideoReader(path, device="cpu") as decoded, VideoSource(source) as frames:
        return np.array(
            [
                square_measures("psnr", np.ascontiguousarray(frame.data.transpose(1, 2, 0)), f.rgb)
                for frame, f in zip(decoded, frames, strict=True)
            ]
        )


def test_squares_hold_or_are_listed(clip: Path, tmp_path: Path, pool_here: None) -> None:
    plain, guarded = tmp_path / "plain.mp4", tmp_path / "guarded.mp4"
    before = encode(clip, plain, **SETTINGS)
    assert before.guard is None and info(plain, headers_only=True).guard is None
    limit = float(worst(plain, clip)[:, 0, 0].min()) + 1.5
    report = encode(clip, guarded, guard=f"psnr={limit:.2f}", **SETTINGS)
    found = worst(guarded, clip)
    assert (found[:, 0, 0] >= limit - 0.005).all()
    assert report.guard is not None and info(guarded, headers_only=True).guard == report.guard
    assert {(each.frame, *square) for each in report.guard.frames for square in each.squares} == {
        (index, 0, 1) for index in range(6)
    }
    assert report.video_bytes > before.video_bytes

    again = tmp_path / "again.mp4"
    encode(clip, again, guard=f"psnr={limit:.2f}", jobs=2, **SETTINGS)
    assert again.read_bytes() == guarded.read_bytes()


def test_it_sees_the_pictures_that_decoders_show(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def measures(measure: Measure, decoded: np.ndarray, source: np.ndarray) -> np.ndarray:
        seen.append(decoded.tobytes())
        return square_measures(measure, decoded, source)

    monkeypatch.setattr("videocodec.encoder.guarding.square_measures", measures)
    options = SETTINGS | {"model": "second", "max_frames": 3, "threads": 1}
    encode(clip, tmp_path / "a.mp4", guard="psnr=15", **options)
    with VideoReader(tmp_path / "a.mp4", device="cpu") as decoded:
        assert len(decoded) == 3
        for frame in decoded:
            assert frame.data.transpose(1, 2, 0).tobytes() in seen


def test_what_a_guard_does_not_go_with(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(SettingsError, match="guard and maxrate exclude each other"):
        encode(clip, target, guard="psnr=28", maxrate=1000)
    with pytest.raises(SettingsError, match="no guard with model embedded-unet: its UNet"):
        encode(clip, target, guard="psnr=28", model="embedded-unet")
    with pytest.raises(SettingsError, match="a guard is ssim=0.9"):
        encode(clip, target, guard="sharp")
    assert not target.exists()


def test_with_local_quantisers_only_the_squares_that_fall_short_are_finer() -> None:
    """A picture of 2 × 2 squares, of which the second holds from 12 indices on, and the fourth
    never.
    """
    plans: list[FramePlan] = []

    def code(coder: object, writer: SymbolWriter, frame: object, plan: FramePlan) -> tuple:
        plans.append(plan)
        return None, plan

    def holding(plan: FramePlan, picture: object) -> np.ndarray:
        offsets = np.zeros((2, 2)) if plan.offsets is None else plan.offsets
        return np.array([[True, offsets[0, 1] <= -12], [True, False]])

    header = SimpleNamespace(format_version=2, block_rows=16, block_columns=16, block_size=8)
    guard = SimpleNamespace(
        header=header,
        grid=(2, 2),
        holding=holding,
        can_hold=lambda latents, picture: np.array([[True, True], [True, False]]),
        note=lambda pts, held: None,
    )
    frame = SimpleNamespace(picture=0, latents=0, pts=0)
    (entry,) = coding_order(Structure.KEYFRAME, 1)
    plan = FramePlan(60, np.full((16, 16), USUAL_CLASS), entry)
    guarded = GuardedFrames(SimpleNamespace(code=code), guard)  # type: ignore[arg-type]
    guarded.code(None, SymbolWriter(), frame, plan)  # type: ignore[arg-type]
    assert plans[0] is plan and {one.quantiser for one in plans} == {60}
    assert [one.offsets.tolist() for one in plans[1:]] == [
        [[0, -6], [0, 0]],
        [[0, -12], [0, 0]],
    ]
