"""Several views of one open file."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from bitstream.container import SharedFile
from bitstream.errors import ContainerError

DATA = bytes(range(256)) * 40


def test_every_view_has_its_own_place() -> None:
    shared = SharedFile(io.BytesIO(DATA))
    first, second = shared.view(), shared.view()
    assert first.read(10) == DATA[:10] and second.read(5) == DATA[:5]
    assert first.seek(-4, os.SEEK_END) == len(DATA) - 4 and first.read() == DATA[-4:]
    assert second.tell() == 5 and second.seek(3, os.SEEK_CUR) == 8 and second.read(2) == DATA[8:10]
    first.close()
    assert second.read(1) == DATA[10:11] and shared.read(300, 3) == DATA[300:303]


def test_threads_read_what_is_there() -> None:
    shared, wrong = SharedFile(io.BytesIO(DATA)), []

    def read(start: int) -> None:
        view = shared.view()
        for position in range(start, len(DATA) - 20, 97):
            view.seek(position)
            if view.read(20) != DATA[position : position + 20]:
                wrong.append(position)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_closes_what_it_opened_and_nothing_else(tmp_path: Path) -> None:
    given = io.BytesIO(DATA)
    SharedFile(given).close()
    assert not given.closed
    (tmp_path / "a").write_bytes(DATA)
    shared = SharedFile.open(tmp_path / "a")
    assert shared.size == len(DATA) and str(shared) == str(tmp_path / "a")
    shared.close()
    with pytest.raises(ValueError, match="closed file"):
        shared.read(0, 1)


def test_names_for_messages(tmp_path: Path) -> None:
    assert (
        str(SharedFile(io.BytesIO(DATA))) == "the file object"
        and str(SharedFile(io.BytesIO(DATA), "clip")) == "clip"
    )
    with pytest.raises(ContainerError, match="no such file"):
        SharedFile.open(tmp_path / "none")
    with pytest.raises(ContainerError, match="not a file"):
        SharedFile.open(tmp_path)


def test_what_cannot_seek_or_gives_text_is_one_clear_line(tmp_path: Path) -> None:
    out, into = os.pipe()
    os.close(into)
    with (
        os.fdopen(out, "rb") as pipe,
        pytest.raises(ContainerError, match="cannot seek, as a pipe"),
    ):
        SharedFile(pipe)
    (tmp_path / "a").write_bytes(DATA)
    with (
        (tmp_path / "a").open(encoding="utf-8") as text,
        pytest.raises(ContainerError, match="opened as text: open it as bytes"),
    ):
        SharedFile(text)
