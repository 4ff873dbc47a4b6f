"""Encodes by several processes, and encodes that were interrupted and go on: the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from videocodec import encode
from videocodec.encoder.chunk_coder import ChunkCoder, ChunkTask
from videocodec.errors import (
    ResumeError,
)
from videocodec.progress import Progress

CPU = {"device": "cpu", "model": "embedded"}
ROOT = Path(__file__).resolve().parents[3]
# The command line in a process that kills itself when it has kept so many chunks.
KILLED = """
import os, signal, sys
from videocodec.cli import main
from videocodec.encoder.chunk_store import ChunkStore

left, save = int(sys.argv.pop(1)), ChunkStore.save

def killing(self, task, results):
    global left
    save(self, task, results)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

ChunkStore.save = killing
sys.exit(main(sys.argv[1:]))
"""


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


class TestJobsAndResuming:
    def test_the_bytes_do_not_depend_on_the_number_of_processes(
        self, movie: Path, tmp_path: Path
    ) -> None:
        """Nor on what else is asked of them: all decisions between passes and chunks are made on
        the same results.
        """
        options = dict(bitrate=20_000, maxrate=9_500, gop_size=4, **CPU)
        reports = [
            encode(movie, tmp_path / f"{jobs}.lv.mp4", jobs=jobs, threads=jobs, **options)
            for jobs in (1, 2)
        ]
        assert (tmp_path / "1.lv.mp4").read_bytes() == (tmp_path / "2.lv.mp4").read_bytes()
        assert (reports[0].crf, reports[0].passes, reports[0].warnings) == (
            reports[1].crf,
            reports[1].passes,
            reports[1].warnings,
        )

    def test_nor_do_those_of_the_default_model(self, movie: Path, tmp_path: Path) -> None:
        """With its preset's looks at keyframes, for any number of threads, and where another
        process began.
        """
        options, found = {"device": "cpu", "gop_size": 4}, []
        for jobs, threads in ((1, 1), (1, 2), (2, 1)):
            target = tmp_path / f"{jobs}-{threads}.lv.mp4"
            encode(movie, target, jobs=jobs, threads=threads, **options)
            found.append(target.read_bytes())

        def interrupt(progress: Progress) -> None:
            if progress.frames_done > 4:
                raise KeyboardInterrupt

        target = tmp_path / "resumed.lv.mp4"
        with pytest.raises(KeyboardInterrupt):
            encode(movie, target, jobs=2, threads=1, progress=interrupt, **options)
        encode(movie, target, resume=True, threads=2, **options)
        assert [target.read_bytes(), *found[1:]] == [found[0]] * 3

    def test_an_encode_killed_again_and_again_ends_with_the_same_bytes(
        self, tmp_path: Path, write_movie, panned
    ) -> None:
        movie = write_movie(tmp_path / "movie.mp4", panned(120, 32, 48, (0, 1)))
        target, whole = tmp_path / "out.lv.mp4", tmp_path / "whole.lv.mp4"
        encode(movie, whole, gop_size=8, threads=1, **CPU)
        options = ["--gop-size", "8", "--threads", "1", "--device", "cpu", "--model", "embedded"]
        for saved, resume in ((1, []), (4, ["--resume"])):
            command = [sys.executable, "-c", KILLED, str(saved), "encode", movie, target]
            ran = subprocess.run([*command, *options, *resume], cwd=ROOT, stderr=subprocess.DEVNULL)
            assert ran.returncode == -signal.SIGKILL
            assert not target.exists()
        assert len(list(tmp_path.glob("out.lv.mp4.chunks/*.chunk"))) == 5
        with pytest.raises(ResumeError, match=r"settings gop_size \(8, now 9\)"):
            encode(movie, target, gop_size=9, resume=True, **CPU)
        coded: list[ChunkTask] = []
        with pytest.MonkeyPatch.context() as patch:
            code = ChunkCoder.code
            patch.setattr(
                ChunkCoder,
                "code",
                lambda self, task, *rest: coded.append(task) or code(self, task, *rest),
            )
            report = encode(movie, target, gop_size=8, threads=1, resume=True, **CPU)
        assert len(coded) == 10 and report.frames == 120
        assert target.read_bytes() == whole.read_bytes()
        assert files(tmp_path) == {"movie.mp4", "out.lv.mp4", "whole.lv.mp4"}

    def test_what_interrupts_an_encode_says_that_it_can_be_resumed(
        self, movie: Path, tmp_path: Path
    ) -> None:
        def interrupt(progress: Progress) -> None:
            if progress.frames_done > 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt) as interrupted:
            encode(movie, tmp_path / "out.lv.mp4", gop_size=4, progress=interrupt, **CPU)
        (note,) = interrupted.value.__notes__
        assert "out.lv.mp4.chunks" in note and "--resume" in note
        assert files(tmp_path) == {"movie.mp4", "out.lv.mp4.chunks"}
        encode(movie, tmp_path / "out.lv.mp4", gop_size=4, **CPU)
        assert files(tmp_path) == {"movie.mp4", "out.lv.mp4"}

    def test_a_script_without_its_guard_is_told_so(self, movie: Path, tmp_path: Path) -> None:
        script = tmp_path / "script.py"
        script.write_text(
            f"import videocodec\nvideocodec.encode({str(movie)!r}, {str(tmp_path / 'out.mp4')!r},"
            " jobs=2, device='cpu', model='embedded')\n"
        )
        done = subprocess.run(
            [sys.executable, script],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 1
        assert 'under if __name__ == "__main__"' in done.stderr
        assert files(tmp_path) == {"movie.mp4", "script.py"}
