"""Exact pictures: the same bytes however one comes to a frame, and on every machine; refused in one
line where they cannot be had.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import av
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bitstream.formats import loop_networks
from videocodec import VideoReader, decode, decode_frames, info
from videocodec.cli import main
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.errors import DeviceError, SettingsError
from videocodec.models.post_filter import PostFilter
from videocodec.restoration.base import IdentityRestoration
from videocodec.scaling import magnified

from .same_pictures import check

CPU = {"device": "cpu", "threads": 1}
FRAMES = 22
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def expected(second_movie) -> list[np.ndarray]:
    """Every picture (3, H, W) by the words of FORMAT-2.md's annex A, from the latents alone."""
    stream = LatentStream(second_movie.coded)
    networks = loop_networks(stream.bundle.tables)
    assert networks is not None
    made = []
    for frame in stream.frames():
        assert frame.picture is None
        samples = networks.picture(frame.latent.latents.astype(np.int32), frame.quantiser_map)
        eight_bits = np.minimum((samples.astype(int) + 2) // 4, 255)
        made.append(eight_bits[:, : stream.header.height, : stream.header.width])
    assert len(made) == FRAMES
    return made


@pytest.fixture(scope="module")
def shown(second_movie, expected: list[np.ndarray]) -> list[np.ndarray]:
    """The same through the model's post-filter."""
    stream = LatentStream(second_movie.coded)
    post_filter = PostFilter.load(stream.bundle.folder)
    assert post_filter is not None
    return [
        post_filter.picture(
            np.ascontiguousarray(picture.transpose(1, 2, 0)).astype(np.uint8), frame.quantiser_map
        ).transpose(2, 0, 1)
        for picture, frame in zip(expected, stream.frames(), strict=True)
    ]


def test_decoding_in_order(second_movie, expected: list[np.ndarray]) -> None:
    check(decode_frames(second_movie.coded, pictures="exact", **CPU), expected)
    assert sum(1 for _ in decode_frames(second_movie.coded, **CPU)) == FRAMES


def test_filtered_they_are_what_a_cpu_shows_by_default(
    second_movie, expected: list[np.ndarray], shown: list[np.ndarray]
) -> None:
    check(decode_frames(second_movie.coded, **CPU), shown)
    check(decode_frames(second_movie.coded, restore=False, **CPU), expected)
    near = decode_frames(second_movie.coded, pictures="float", restore=False, **CPU)
    differences = [np.abs(frame.data - expected[frame.index].astype(int)) for frame in near]
    assert 0 < np.mean(differences) < 1 and np.max(differences) < 8


def test_references_come_with_the_decoders_own_picture(
    second_movie, expected: list[np.ndarray]
) -> None:
    stream = LatentStream(second_movie.coded)
    frames = list(stream.frames(pictures=True))
    height, width = stream.header.height, stream.header.width
    known = [frame for frame in frames if frame.picture is not None]
    assert 3 < len(known) < FRAMES  # three keyframes, and those between that others refer to
    for frame in known:
        cropped = frame.picture[:height, :width].transpose(2, 0, 1)
        assert np.array_equal(cropped, expected[frame.index])


@pytest.mark.parametrize("limit", [0, 400_000, 64 << 20])
@pytest.mark.parametrize("read_ahead", [False, True])
def test_any_order_under_any_memory(
    second_movie, expected: list[np.ndarray], limit: int, read_ahead: bool
) -> None:
    order = random.Random(1).sample(range(FRAMES), 12)
    with VideoReader(
        second_movie.coded, memory_limit=limit, read_ahead=read_ahead, pictures="exact", **CPU
    ) as video:
        check((video[index] for index in order), expected)
        check(video[3:6], expected)
        for place, data in zip((4, 9, 4), video.get_frames_at([4, 9, 4]).data, strict=True):
            assert np.array_equal(data, expected[place])
        assert video.memory_used <= limit
        assert video.metadata.exact_pictures


def test_with_and_without_reuse(second_movie, expected: list[np.ndarray]) -> None:
    decoder = PictureDecoder(LatentStream(second_movie.coded), "cpu", 1, pictures="exact")
    assert decoder.is_exact and decoder.reuse is not None
    check(decoder.frames(), expected)
    check(decoder.frames(5, 9), expected)
    decoder.reuse = None
    check(decoder.frames(), expected)
    latents = list(LatentStream(second_movie.coded).frames())
    check((decoder.frame_of(latents[index], None) for index in (7, 0)), expected)
    assert decoder.loaded_runtime is None


@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_threads(
    second_movie, shown: list[np.ndarray], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of networks, and of BLAS, whose limit of one, for speed alone, is lifted here."""
    for module in ("bitstream.latent_decoder", "bitstream.v2.shown_pictures"):
        monkeypatch.setattr(f"{module}.one_blas_thread", nullcontext)
    with threadpool_limits(threads, user_api="blas"):
        check(decode_frames(second_movie.coded, device="cpu", threads=threads), shown)


@pytest.mark.parametrize("compiled", ["0", "1"])
def test_without_pytorch(
    second_movie, shown: list[np.ndarray], tmp_path: Path, compiled: str
) -> None:
    """As a command and from Python, in a process where nobody can import it, by NumPy's kernels and
    by compiled ones.
    """
    program = (
        "import hashlib, sys\n"
        "sys.modules['torch'] = sys.modules['diffusers'] = None\n"
        "import videocodec\n"
        "digest = hashlib.sha256()\n"
        "for frame in videocodec.decode_frames(sys.argv[1], device='cpu', threads=2):\n"
        "    digest.update(frame.data.tobytes())\n"
        "with videocodec.VideoReader(sys.argv[1], device='cpu') as video:\n"
        "    digest.update(video[13].data.tobytes())\n"
        "from videocodec.cli import main\n"
        "assert main(['decode', sys.argv[1], sys.argv[2], '--device', 'cpu']) == 0\n"
        "print(digest.hexdigest())\n"
    )
    target = tmp_path / "%02d.png"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(second_movie.coded), str(target)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "VIDEOCODEC_COMPILED": compiled},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    digest = hashlib.sha256()
    for picture in (*shown, shown[13]):
        digest.update(picture.astype(np.uint8).tobytes())
    assert ran.stdout.splitlines()[-1] == digest.hexdigest()
    for index, picture in enumerate(shown):
        with av.open(str(tmp_path / f"{index + 1:02d}.png")) as file:
            written = next(file.decode(video=0)).to_ndarray(format="rgb24")
        assert np.array_equal(written, picture.transpose(1, 2, 0))


def test_concealed_frames_too(second_movie, rewrite: Callable[..., Path]) -> None:
    def change(index: int, data: bytes) -> bytes:
        return data if index != 1 else data[:-9] + bytes([data[-9] ^ 0x10]) + data[-8:]

    damaged = rewrite(second_movie.coded, change)
    in_order = list(decode_frames(damaged, conceal=True, **CPU))
    lost = [frame.index for frame in in_order if frame.kind == "concealed"]
    assert lost and len(in_order) == FRAMES
    with VideoReader(damaged, conceal=True, read_ahead=False, **CPU) as video:
        for index in (*reversed(lost), 0, 21):
            assert np.array_equal(video[index].data, in_order[index].data)


def test_larger_pictures_are_enlarged_exact_ones(second_movie, expected: list[np.ndarray]) -> None:
    size = 2 * expected[0].shape[2], 2 * expected[0].shape[1]
    for frame in decode_frames(second_movie.coded, scale=2, pictures="exact", **CPU):
        small = expected[frame.index].astype(np.uint8).transpose(1, 2, 0)
        assert np.array_equal(frame.data.transpose(1, 2, 0), magnified(small, size))


def test_reports_and_files_say_so(second_movie, coded_movie, tmp_path: Path, capsys) -> None:
    for pictures in ("exact", "float"):
        target = tmp_path / f"{pictures}.mkv"
        options = ["--pictures", pictures, "--device", "cpu", "--threads", "1", "--json"]
        assert main(["decode", str(second_movie.coded), str(target), *options]) == 0
        assert json.loads(capsys.readouterr().out)["pictures"] == pictures
        with av.open(str(target)) as container:
            comment = {key.lower(): value for key, value in container.metadata.items()}["comment"]
        assert ("with exact pictures" in comment) == (pictures == "exact")
    assert decode(coded_movie.coded, tmp_path / "one.mkv", **CPU).pictures == "float"
    assert info(second_movie.coded, headers_only=True).exact_pictures
    assert not info(coded_movie.coded, headers_only=True).exact_pictures


class TestRefusals:
    def test_of_format_version_1(self, coded_movie, tmp_path: Path, capsys) -> None:
        target = tmp_path / "out.mkv"
        wanted = ["decode", str(coded_movie.coded), str(target), "--pictures", "exact"]
        assert main(wanted) != 0
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{coded_movie.coded}: no exact pictures: format version 1 has no" in line
        assert not target.exists()
        with pytest.raises(SettingsError, match="no exact pictures: format version 1"):
            VideoReader(coded_movie.coded, pictures="exact", **CPU)

    def test_of_restored_latents(self, second_movie) -> None:
        restoring = type("Restoring", (IdentityRestoration,), {})()
        stream = LatentStream(second_movie.coded)
        assert not PictureDecoder(stream, "cpu", 1, restoring).is_exact
        with pytest.raises(SettingsError, match="its latents are restored"):
            PictureDecoder(stream, "cpu", 1, restoring, pictures="exact")
        assert PictureDecoder(stream, "cpu", 1, IdentityRestoration(), pictures="exact").is_exact

    def test_of_other_words(self, second_movie) -> None:
        with pytest.raises(SettingsError, match="pictures must be one of auto, exact, float, got"):
            VideoReader(second_movie.coded, pictures="precise", **CPU)  # type: ignore[arg-type]
        with pytest.raises(DeviceError, match="device must be one of"):
            next(decode_frames(second_movie.coded, pictures="exact", device="tpu"))


def test_accelerators_make_them_in_floating_point_unless_asked(
    second_movie, expected: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That exact ones are made on the CPU then, needs no accelerator."""
    frames = decode_frames(second_movie.coded, pictures="exact", device="cuda")
    check([next(frames)], expected)
    frames.close()
    with pytest.raises(DeviceError, match="cuda is not available"):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        next(decode_frames(second_movie.coded, device="cuda"))
