"""Decoding from a file alone, by the model that is attached to it."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bitstream.container import StreamReader
from videocodec import VideoReader, decode_frames
from videocodec.decoder.latents import LatentStream
from videocodec.errors import (
    ModelMismatchError,
)
from videocodec.models.attached import attached_bundle

from .streams import CPU, ROOT, Made


class TestFromTheFileAlone:
    def test_pictures_are_those_of_the_bundle_and_nothing_is_left_behind(
        self, made: Made, temporary: Path
    ) -> None:
        assert not made.bundle.exists()
        with pytest.raises(ModelMismatchError, match="which is unknown here"):
            list(decode_frames(made.without, **CPU))
        frames = [frame.data for frame in decode_frames(made.stream, **CPU)]
        assert len(frames) == 5 and all(
            np.array_equal(one, other) for one, other in zip(frames, made.frames, strict=True)
        )
        gc.collect()
        assert list(temporary.iterdir()) == []

    def test_a_reader_of_an_open_file_does_it_too(self, made: Made) -> None:
        with made.stream.open("rb") as file, VideoReader(file, **CPU) as video:
            assert np.array_equal(video[4].data, made.frames[4])
            assert video.bundle.sha256 == made.sha256

    @pytest.mark.slow
    def test_another_process_with_nothing_but_the_file(
        self, made: Made, tmp_path: Path, temporary: Path
    ) -> None:
        alone = tmp_path / "alone"
        alone.mkdir()
        shutil.copy(made.stream, alone / "clip.lv.mp4")
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(temporary),
            "VIDEOCODEC_MODELS": str(alone / "none"),
        }
        words = [
            sys.executable,
            "-m",
            "videocodec",
            "decode",
            "clip.lv.mp4",
            "%02d.png",
            "--device=cpu",
            "--threads=1",
        ]
        ran = subprocess.run(words, cwd=alone, env=environment, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert len(list(alone.glob("*.png"))) == 5
        assert list(temporary.iterdir()) == []

    def test_what_is_unpacked_is_the_bundle_for_nobody_else_to_read(
        self, made: Made, temporary: Path
    ) -> None:
        bundle = attached_bundle(StreamReader(made.stream))
        assert bundle.folder.parent == temporary and bundle.folder.stat().st_mode & 0o077 == 0
        assert bundle.sha256 == made.sha256
        assert {name for name, _ in bundle.files} == set(made.files)
        for name, path in bundle.files:
            assert path.read_bytes() == (made.kept / name).read_bytes()

    def test_verify_and_info_need_no_network(self, made: Made) -> None:
        program = (
            "import sys; sys.modules['torch'] = None; sys.modules['diffusers'] = None\n"
            "import videocodec\n"
            "assert videocodec.verify(sys.argv[1]).ok and videocodec.info(sys.argv[1]).provenance\n"
        )
        words = [sys.executable, "-c", program, str(made.stream)]
        ran = subprocess.run(
            words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr

    def test_an_installed_model_goes_first(
        self, made: Made, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(made.kept.parent))
        assert LatentStream(made.stream).bundle.folder == made.kept.resolve()
        assert list(temporary.iterdir()) == []
