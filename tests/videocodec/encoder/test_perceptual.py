"""``videocodec.encode(perceptual=…)``: pictures look better for as many bytes, and weights are what
they say they are.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from videocodec import encode
from videocodec.decoder.frames import decode_frames
from videocodec.encoder.chunk_coder import ChunkCoder, ChunkTask
from videocodec.errors import ResumeError, UnknownModelError
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource


@pytest.fixture
def movie(tmp_path: Path, write_movie, panned) -> Path:
    """12 frames of 48×32."""
    return write_movie(tmp_path / "movie.mp4", panned(12, 32, 48, (0, 1)))


def distance(movie: Path, coded: Path, weights: Path) -> float:
    """Mean LPIPS of the frames."""
    see, found = LpipsSqueeze(weights), []
    with VideoSource(movie) as source:
        for frame, decoded in zip(source, decode_frames(coded, device="cpu"), strict=True):
            pictures = (
                torch.from_numpy(p).float()[None] / 127.5 - 1
                for p in (decoded.data, frame.rgb.transpose(2, 0, 1).copy())
            )
            found.append(float(see(*pictures)))
    return float(np.mean(found))


def sensitive(weights: Path, file: Path) -> Path:
    """The same, but with figures of the size that real weights give: random features are far less
    apart.
    """
    save_file(
        {
            name: 300 * t if name.startswith("lin") else t
            for name, t in load_file(str(weights)).items()
        },
        str(file),
    )
    return file


def test_pictures_look_better_through_it_and_bytes_do_not_depend_on_the_number_of_processes(
    tmp_path: Path, write_movie, panned, lpips_weights: Path, pool_here: None
) -> None:
    movie = write_movie(tmp_path / "movie.mp4", panned(12, 64, 96, (0, 1)))
    options = {"crf": 32, "gop_size": 6, "device": "cpu", "model": "embedded"}
    lpips_weights = sensitive(lpips_weights, tmp_path / "sensitive.safetensors")
    plain = encode(movie, tmp_path / "plain.mp4", **options)
    judged = encode(movie, tmp_path / "judged.mp4", perceptual=lpips_weights, threads=2, **options)
    encode(
        movie, tmp_path / "again.mp4", perceptual=str(lpips_weights), threads=2, jobs=2, **options
    )
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "judged.mp4").read_bytes()
    assert judged.video_bytes < 1.15 * plain.video_bytes
    before, after = (
        distance(movie, tmp_path / f"{name}.mp4", lpips_weights) for name in ("plain", "judged")
    )
    assert after < 0.98 * before


def test_files_that_are_no_weights_are_refused_before_anything_is_written(
    movie: Path, tmp_path: Path, pool_here: None
) -> None:
    for name, jobs in (("absent.safetensors", 1), ("movie.mp4", 1), ("movie.mp4", 2)):
        with pytest.raises(UnknownModelError, match=name):
            encode(
                movie, tmp_path / "out.lv.mp4", perceptual=tmp_path / name, device="cpu", jobs=jobs
            )
        assert [file.name for file in tmp_path.iterdir()] == ["movie.mp4"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX's")
def test_weights_that_are_a_pipe_or_a_folder_are_refused_at_once(
    movie: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(UnknownModelError, match=f"{name}: .* an ordinary file"):
            encode(movie, tmp_path / "out.lv.mp4", perceptual=tmp_path / name, device="cpu")


def test_an_encode_is_resumed_with_the_same_weights_only(
    movie: Path, tmp_path: Path, lpips_weights: Path, monkeypatch
) -> None:
    def broken(self, task: ChunkTask, *others: object) -> object:
        if task.chunk.index:
            raise RuntimeError("the cable was pulled")
        return real(self, task, *others)

    real = ChunkCoder.code
    monkeypatch.setattr(ChunkCoder, "code", broken)
    options = {"gop_size": 4, "device": "cpu", "model": "embedded"}
    with pytest.raises(RuntimeError, match="cable"):
        encode(movie, tmp_path / "out.lv.mp4", perceptual=lpips_weights, **options)
    monkeypatch.undo()
    with pytest.raises(ResumeError):
        encode(movie, tmp_path / "out.lv.mp4", resume=True, **options)
    encode(
        movie,
        tmp_path / "out.lv.mp4",
        perceptual=lpips_weights,
        resume=True,
        **options,
    )
