"""The encoder's own judge: by a decoder that is a matrix, whose best latents can be worked out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec import encode
from videocodec.decoder.frames import decode_frames
from videocodec.encoder.aiming import CodedVersion
from videocodec.encoder.crew import ALONE, Several
from videocodec.encoder.settings import Tune
from videocodec.encoder.torch_decoder import TorchDecoder
from videocodec.encoder.tuning import TunedJudge
from videocodec.errors import SettingsError
from videocodec.judges.structure import lost_structure
from videocodec.media.source import VideoSource

CHANNELS, ROWS, COLUMNS, QUANTISER = 6, 6, 8, 45
CPU = torch.device("cpu")


def header(width: int = 8 * COLUMNS, height: int = 8 * ROWS) -> SequenceHeader:
    return SequenceHeader(
        format_version=2,
        width=width,
        height=height,
        time_base=Fraction(1, 25),
        latent_channels=CHANNELS,
        crf=32,
        gop_size=1,
        preset=0,
        model_name="matrix",
        model_sha256="0" * 64,
    )


@pytest.fixture(scope="module")
def matrix() -> torch.Tensor:
    """(6, 192): pictures of 8×8 px, orthogonal, of very different size."""
    rng = np.random.default_rng(1)
    rows = np.linalg.qr(rng.standard_normal((192, CHANNELS)))[0].T
    sizes = np.array([0.8, 0.4, 0.3, 0.2, 0.1, 0.05])
    return torch.from_numpy((rows * sizes[:, None]).astype(np.float32))


@pytest.fixture(scope="module")
def pictures(matrix: torch.Tensor):
    def make(z: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        assert steps.shape == (1, *z.shape[2:])
        return F.pixel_shuffle(torch.einsum("bchw,cp->bphw", z, matrix), 8)

    return make


def coded(latents: np.ndarray, sent: np.ndarray | None = None) -> CodedVersion:
    shape = latents.shape[1:]
    return CodedVersion(
        LatentFrame(
            np.rint(latents * UNITS_PER_LATENT).astype(np.int16),
            BlockFields.blank(*shape, Mode.INTRA),
            QUANTISER,
            0.0,
            0.0,
        ),
        np.full(shape, QUANTISER, np.uint8),
        np.ones(shape, bool) if sent is None else sent,
    )


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(2)
    noise = torch.from_numpy(rng.uniform(40, 215, (1, 3, ROWS, COLUMNS)).astype(np.float32))
    return (
        F.interpolate(noise, scale_factor=8, mode="bicubic")[0]
        .permute(1, 2, 0)
        .clamp(0, 255)
        .byte()
        .numpy()
    )


def lost(tune: Tune, pictures, latents: np.ndarray, picture: np.ndarray) -> float:
    """What the tune counts, worked out from its definition."""
    z, source = torch.from_numpy(latents)[None], torch.from_numpy(picture).permute(2, 0, 1)[None]
    decoded, source = pictures(z, torch.ones(1, ROWS, COLUMNS)), source.float() / 127.5 - 1
    red, green, blue = ((decoded - source) * 127.5).unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    colour = (0.564 * (blue - luma)) ** 2 + (0.713 * (red - luma)) ** 2
    squared = 0.75 * luma**2 + 0.5 * colour + 0.05 * (red**2 + green**2 + blue**2)
    structure = {"psnr": 0, "balanced": 130, "ssim": 400}[tune] * lost_structure(decoded, source)
    return float(squared.sum() + structure.sum() * squared.numel())


def judge(pictures, tune: Tune = "psnr", **others) -> TunedJudge:
    options = {"largest_tile": 96, "lagrangian": 0.1} | others
    return TunedJudge(TorchDecoder(pictures, CPU), header(), tune, **options)


@pytest.mark.parametrize("tune", ["psnr", "balanced", "ssim"])
def test_rounds_without_a_quantiser_find_better_pictures(tune: Tune, pictures, picture) -> None:
    looks, aim = judge(pictures, tune), np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)
    before = lost(tune, pictures, aim, picture)
    found = [before]
    for _ in range(12):
        aim = looks.look(aim, coded(aim), picture, 12).nearer
        found.append(lost(tune, pictures, aim, picture))
    assert found[12] < found[6] < found[3] < found[0]
    assert aim.dtype == np.float32


def test_picture_and_bits_are_paid_for(pictures, picture) -> None:
    latents = np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)

    def cost(bits: float, lagrangian: float = 0.1, quantiser: int = QUANTISER) -> float:
        one = coded(latents)
        one = replace(one, frame=replace(one.frame, level_bits=bits, quantiser=quantiser))
        found = judge(pictures, lagrangian=lagrangian).look(latents, one, picture, 1).cost
        assert found is not None
        return found

    free = cost(0.0)
    assert free == pytest.approx(lost("psnr", pictures, latents, picture), rel=1e-3)
    bits = cost(1e6) - free
    assert bits > free and cost(2e6) - free == pytest.approx(2 * bits, rel=1e-3)
    assert cost(1e6, lagrangian=0.2) - free == pytest.approx(2 * bits, rel=1e-3)
    twice_the_step = cost(1e6, quantiser=QUANTISER + 12) - free
    assert twice_the_step == pytest.approx(4 * bits, rel=0.01)


def test_squared_error_is_followed_to_its_least(pictures, matrix, picture) -> None:
    """Where the metric is nearly that of RGB, Newton's steps end where least squares do."""
    aim, looks = np.zeros((CHANNELS, ROWS, COLUMNS), np.float32), judge(pictures)
    for _ in range(80):
        aim = looks.look(aim, coded(aim), picture, 80).nearer
    least = lost("psnr", pictures, aim, picture)
    rng = np.random.default_rng(3)
    for size in (0.02, 0.1):  # of latents that matter: nothing around is better
        other = aim + size * rng.standard_normal(aim.shape).astype(np.float32)
        assert lost("psnr", pictures, other, picture) > least


def test_values_that_are_coded_pull_the_aim_however_far_it_was(pictures, picture) -> None:
    """A latent in the dead zone is not chased further and further: what it aims at ends where the
    picture wants it to be.
    """
    looks, zeros = judge(pictures), np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)
    aim, aims = zeros, []
    for _ in range(60):
        aim = looks.look(aim, coded(zeros), picture, 60).nearer
        aims.append(np.abs(aim).mean())
    assert aims[-1] - aims[-2] < 1e-3 * aims[-1]
    assert aims[0] < aims[-1] < 10 * aims[0]  # of shares of 0.15


def test_positions_that_are_not_sent_are_left_alone(pictures, picture) -> None:
    sent = np.zeros((ROWS, COLUMNS), bool)
    sent[2:4, 3:6] = True
    aim = np.ones((CHANNELS, ROWS, COLUMNS), np.float32)
    moved = judge(pictures).look(aim, coded(np.zeros_like(aim), sent), picture, 1).nearer != aim
    assert np.array_equal(moved.any(0), sent)


def test_tiles_together_are_the_whole(pictures, picture) -> None:
    aim = np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)
    whole, tiles = (
        judge(pictures, largest_tile=side).look(aim, coded(aim), picture, 1).nearer
        for side in (96, 4)
    )
    # The curvature is that of the first tile, from other random signs.
    assert np.corrcoef(whole.ravel(), tiles.ravel())[0, 1] > 0.98


def test_curvatures_are_those_of_the_first_frame_with_a_quantiser(pictures, picture) -> None:
    calls = []

    def counted(z: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        calls.append(z.requires_grad)
        return pictures(z, steps)

    looks, aim = judge(counted), np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)
    first = looks.look(aim, coded(aim), picture, 1).nearer
    assert len(calls) == 2  # the curvature, the gradient
    assert np.array_equal(looks.look(aim, coded(aim), picture, 1).nearer, first)
    assert len(calls) == 3
    other = replace(coded(aim), frame=replace(coded(aim).frame, quantiser=QUANTISER + 1))
    looks.look(aim, other, picture, 1)
    assert len(calls) == 5


def test_pictures_are_padded_and_threads_change_no_bit(pictures, picture) -> None:
    aim, before = np.zeros((CHANNELS, ROWS, COLUMNS), np.float32), torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        size = header(8 * COLUMNS - 3, 8 * ROWS - 5)
        looks = TunedJudge(TorchDecoder(pictures, CPU), size, "balanced", 96, 0.1)
        found.append(looks.look(aim, coded(aim), picture[:-5, :-3], 1).nearer.tobytes())
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("tune", ["psnr", "balanced"])
@pytest.mark.parametrize("factor", [0.0, float("nan")])
def test_pictures_that_say_nothing_want_nothing(tune: Tune, factor: float, picture) -> None:
    def make(z: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        return z.sum() * factor + torch.zeros(1, 3, 8 * ROWS, 8 * COLUMNS)

    aim = np.ones((CHANNELS, ROWS, COLUMNS), np.float32)
    found = judge(make, tune).look(aim, coded(aim), picture, 1)
    assert np.array_equal(found.nearer, aim) and found.cost is None


def test_other_tunes_have_no_weights(pictures) -> None:
    for tune in ("none", "perceptual"):
        with pytest.raises(KeyError):
            judge(pictures, tune)


def test_a_step_is_taken_as_a_share_of_newtons(pictures, matrix, picture) -> None:
    """One channel alone, whose curvature can be worked out."""
    looks, zeros = judge(pictures), np.zeros((CHANNELS, ROWS, COLUMNS), np.float32)
    moved = looks.look(zeros, coded(zeros), picture, 1).nearer
    pattern = matrix[0].reshape(3, 8, 8).permute(1, 2, 0).double().numpy() * 127.5
    weights = np.array([0.299, 0.587, 0.114])
    luma = pattern @ weights
    curvature = float(
        0.75 * (luma**2).sum()
        + 0.5 * ((0.564 * (pattern[..., 2] - luma)) ** 2).sum()
        + 0.5 * ((0.713 * (pattern[..., 0] - luma)) ** 2).sum()
        + 0.05 * (pattern**2).sum()
    )
    step = 1e-2
    slopes = []
    for sign in (1, -1):
        there = zeros.copy()
        there[0, 1, 2] = sign * step
        slopes.append(lost("psnr", pictures, there, picture))
    newton = -(slopes[0] - slopes[1]) / (2 * step) / (2 * curvature)
    assert moved[0, 1, 2] == pytest.approx(0.15 * newton, rel=0.35)  # of 48 random projections


def error(movie: Path, coded: Path) -> float:
    """Mean squared, in grey levels."""
    with VideoSource(movie) as source:
        pairs = zip(source, decode_frames(coded, device="cpu"), strict=True)
        return float(
            np.mean([(a.rgb.transpose(2, 0, 1) - b.data.astype(float)) ** 2 for a, b in pairs])
        )


def test_encodes_are_nearer_to_their_source(tmp_path: Path, write_movie, panned) -> None:
    movie = write_movie(tmp_path / "movie.mp4", panned(4, 64, 96, (0, 1)))
    options = {"crf": 34, "device": "cpu", "preset": "ultrafast", "model": "embedded"}
    options["gop_size"] = 1  # keyframes alone are looked at
    plain = encode(movie, tmp_path / "plain.mp4", **options)
    tuned = encode(movie, tmp_path / "tuned.mp4", tune="psnr", **options)
    encode(movie, tmp_path / "none.mp4", tune="none", **options)
    assert (tmp_path / "none.mp4").read_bytes() == (tmp_path / "plain.mp4").read_bytes()
    assert error(movie, tmp_path / "tuned.mp4") < 0.98 * error(movie, tmp_path / "plain.mp4")
    assert tuned.video_bytes < 1.1 * plain.video_bytes


def test_the_second_model_is_tuned_unless_told_not_to(tmp_path: Path, write_movie, panned) -> None:
    movie, sizes = write_movie(tmp_path / "movie.mp4", panned(1, 64, 96, (0, 1))), {}
    for tune in (None, "balanced", "none"):
        target = tmp_path / f"{tune}.mp4"
        encode(movie, target, crf=34, device="cpu", model="second", tune=tune)
        sizes[tune] = target.read_bytes()
    assert sizes[None] == sizes["balanced"] != sizes["none"]


def test_tunes_and_weights_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for choice in ({"tune": "perceptual"}, {"tune": "psnr", "perceptual": "weights"}):
        with pytest.raises(SettingsError, match="perceptual"):
            encode(tmp_path / "absent.mp4", tmp_path / "out.mp4", **choice)


def test_tiles_that_threads_share_add_up_to_the_same(pictures, picture) -> None:
    aim, found = np.zeros((CHANNELS, ROWS, COLUMNS), np.float32), []
    for crew in (ALONE, Several(2)):
        looks = judge(pictures, "balanced", largest_tile=4, crew=crew)
        look = looks.look(aim, coded(aim), picture, 1)
        found.append((look.nearer.tobytes(), look.cost, looks.cost(coded(aim), picture)))
    assert found[0] == found[1] and found[0][1] is not None
