"""Locks: one holder at a time, freed by release and by the end of a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from videocodec.locks import remove_lock, take_lock

_HOLDER = """
import sys, time
from pathlib import Path
from videocodec.locks import take_lock

lock = take_lock(Path(sys.argv[1]))
print(lock is not None, flush=True)
time.sleep(600)
"""


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    assert take_lock(tmp_path / "other") is not None
    lock.release()
    assert take_lock(tmp_path / "lock") is not None


def test_a_removed_lock_leaves_no_file(tmp_path: Path) -> None:
    remove_lock(take_lock(tmp_path / "lock"))
    assert list(tmp_path.iterdir()) == []
    again = take_lock(tmp_path / "lock")
    (tmp_path / "lock").unlink()
    remove_lock(again)  # somebody removed the file meanwhile


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "True\n"
        assert take_lock(tmp_path / "lock") is None
    finally:
        holder.kill()
        holder.communicate()
    assert take_lock(tmp_path / "lock") is not None
