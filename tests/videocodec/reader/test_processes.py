"""Readers that go into other processes: by fork, by pickle, by copy."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from videocodec import Frame, VideoReader
from videocodec.decoded import FrameKind
from videocodec.errors import ReaderClosedError

from .conftest import CPU, same

_SECONDS = 600  # until a child counts as hanging
_ROOT = Path(__file__).resolve().parents[3]

# A child that its parent forks after it has decoded on two threads.
_FORK = """
import os, sys
import torch
from videocodec import VideoReader, decode_frames
from videocodec.errors import ForkedReaderError
path = sys.argv[1]
video, of_file = VideoReader(path, device="cpu", threads=2), VideoReader(open(path, "rb"))
video[0], of_file.latents[0]
torch.ones(3000, 300).exp().sum()
child = os.fork()
if child:
    os.waitpid(child, 0)
    sys.exit()
print([int(video[i].data.sum()) for i in (0, 15)], torch.get_num_threads())
print(int(next(decode_frames(path, threads=2)).data.sum()))
try:
    of_file.latents[3]
except ForkedReaderError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_decodes_on_one_thread_or_says_why_not(
    coded_movie, sequential: list[Frame]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _FORK, coded_movie.coded],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    with_reader, from_the_beginning, of_file = ran.stdout.splitlines()
    assert with_reader == f"{[int(sequential[i].data.sum()) for i in (0, 15)]} 1"
    assert from_the_beginning == f"{int(sequential[0].data.sum())}"
    assert "this reader of a file object came here by fork: open another" in of_file


class TestPickles:
    @pytest.mark.parametrize("source", ["path", "relative path", "bytes"])
    def test_a_reader_comes_back_with_its_settings(
        self, coded_movie, sequential: list[Frame], source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(coded_movie.coded.parent)
        given = {
            "path": coded_movie.coded,
            "relative path": coded_movie.coded.name,
            "bytes": coded_movie.coded.read_bytes(),
        }[source]
        with VideoReader(given, **CPU) as video:
            plain = video.with_settings(restore=False, seed=5)
            pickled, copied = pickle.dumps(plain), copy.deepcopy(plain)
        monkeypatch.chdir("/")
        for again in (pickle.loads(pickled), copied, copy.copy(plain)):
            with again:
                assert again.index is not plain.index and again.settings == plain.settings
                assert same(again[12], sequential[12])
        plain.close()

    def test_a_copy_conceals_and_keeps_to_its_memory_too(
        self, coded_movie, rewrite: Callable[..., Path]
    ) -> None:
        damaged = rewrite(
            coded_movie.coded,
            lambda index, data: (
                data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 3 else data
            ),
        )
        options = {"conceal": True, "memory_limit": 0, "read_ahead": False}
        with VideoReader(damaged, **options, **CPU) as video, copy.copy(video) as again:
            lost = [frame.index for frame in again if frame.kind == FrameKind.CONCEALED]
            assert lost and all(same(again[index], video[index]) for index in lost)
            assert again.memory_used == 0

    def test_one_of_a_file_object_or_closed_says_why_not(self, coded_movie) -> None:
        video = VideoReader(io.BytesIO(coded_movie.coded.read_bytes()), **CPU)
        with pytest.raises(TypeError, match="open it by its path or from bytes"):
            pickle.dumps(video)
        video.close()
        with pytest.raises(ReaderClosedError):
            pickle.dumps(video)

    @pytest.mark.slow
    def test_a_loader_that_spawns_its_workers(self, coded_movie, sequential: list[Frame]) -> None:
        program = (
            "import sys, torch, videocodec\n"
            "from torch.utils.data import DataLoader\n"
            "class Pictures(torch.utils.data.Dataset):\n"
            "    def __init__(self): self.video = videocodec.VideoReader(sys.argv[1])\n"
            "    def __len__(self): return len(self.video)\n"
            "    def __getitem__(self, index): return self.video[index].to_torch()\n"
            "if __name__ == '__main__':\n"
            "    pictures = Pictures(); pictures[0]\n"
            "    loader = DataLoader(pictures, batch_size=11, num_workers=1,\n"
            "                        multiprocessing_context='spawn')\n"
            "    print([int(batch.sum()) for batch in loader])\n"
        )
        script = coded_movie.coded.parent / "load.py"
        script.write_text(program)
        ran = subprocess.run(
            [sys.executable, script, coded_movie.coded],
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        sums = [int(frame.data.sum()) for frame in sequential]
        assert ran.stdout == f"{[sum(sums[:11]), sum(sums[11:])]}\n", ran.stderr
