"""Trials of one command: a signal at a random moment, and a look at what is left."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.bench.fault_commands import PATIENCE, Starter

FRAMES = "10"
_BYSTANDERS = {
    "notes.txt": b"of the user's",
    "out.txt": b"another",
    ".hidden": b"hidden",
    "other.lv.mp4.chunks/manifest.json": b"{}",
}


@dataclass
class Tally:
    """What became of the trials of one command by one signal: targets absent, old and whole, trials
    that ended before the signal came, seconds from the signal to the end, what was left over, and
    what was wrong, a line each.
    """

    trials: int = 0
    absent: int = 0
    old: int = 0
    whole: int = 0
    too_late: int = 0
    leftovers: int = 0
    resumable: int = 0
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class CommandTrials:
    """The trials of one command.  work: a folder of its own."""

    def __init__(
        self,
        command: str,
        work: Path,
        clip: Path,
        coded: Path,
        starter: Starter,
        random_: random.Random,
    ) -> None:
        self.command, self._starter, self._random = command, starter, random_
        self._folder, self._errors = work / "user", work / "errors.txt"
        self._folder.mkdir(parents=True)
        name = "out.lv.mp4" if command.startswith("encode") else "out.mp4"
        self._target = self._folder / name
        source = clip if command.startswith("encode") else coded
        words = command.split()
        settings = (
            f"--max-frames {FRAMES} --gop-size 4 --preset ultrafast --model embedded".split()
            if command.startswith("encode")
            else []
        )
        self._arguments = [
            words[0],
            str(source),
            name,
            *words[1:],
            *settings,
            "--device",
            "cpu",
            "--threads",
            "1",
            "-y",
        ]
        for other, content in _BYSTANDERS.items():
            (self._folder / other).parent.mkdir(exist_ok=True)
            (self._folder / other).write_bytes(content)
        self._before = self._others()
        self._whole, self._before_work, self._length = "", 0.0, 0.0
        for _ in range(2):  # the first one warms caches up
            begin = time.monotonic()
            self._starter.start(self._arguments, self._folder, self._errors)
            status, _, self._length = self._starter.ended()
            if status:
                raise RuntimeError(
                    f"videocodec {' '.join(self._arguments)}: status {status}:"
                    f" {self._errors.read_text()}"
                )
        self._whole = _sha256(self._target)
        self._length = min(self._length, time.monotonic() - begin)
        self._target.unlink()

    def trial(self, number: signal.Signals, tally: Tally, index: int) -> None:
        """One."""
        old = index % 2 == 1
        if old:
            self._target.write_bytes(b"the old one")
        else:
            self._target.unlink(missing_ok=True)
        child = self._starter.start(self._arguments, self._folder, self._errors)
        if index // 2 % 2 and self._at_work(child):
            time.sleep(self._random.uniform(0, self._length / 2))
        else:
            time.sleep(self._random.uniform(0, self._length))
        sent = time.monotonic()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, number)
        status, ended, _ = self._starter.ended()
        tally.trials += 1
        if status == 0:
            tally.too_late += 1
        else:
            tally.seconds.append(max(0.0, ended - sent))
        self._look(number, status, old, tally)

    def _at_work(self, child: int) -> bool:
        """Wait until something of the command's is in the folder; False if it ended before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if any(
                entry.name.endswith((".part", ".chunks")) and entry.name != "other.lv.mp4.chunks"
                for entry in self._folder.iterdir()
            ):
                return True
            try:
                os.killpg(child, 0)
            except (ProcessLookupError, PermissionError):
                return False
            if _is_over(child):
                return False
            time.sleep(0.002)
        return False

    def _look(self, number: signal.Signals, status: int, old: bool, tally: Tally) -> None:
        """At what it left."""
        wrong = self._wrong_target(old, tally)
        if self._others(with_own=False) != self._before:
            wrong.append("other files were touched")
        left = [entry.name for entry in self._folder.iterdir() if _is_own(entry.name)]
        chunks = [name for name in left if name.endswith(".chunks")]
        tally.resumable += bool(chunks)
        tally.leftovers += len(left) > len(chunks)
        output = self._errors.read_text(errors="replace").strip()
        if number != signal.SIGKILL:
            wrong += self._wrong_end(number, status, output)
            if len(left) > len(chunks):
                wrong.append(f"left {', '.join(sorted(set(left) - set(chunks)))}")
            if chunks and not any((self._folder / chunks[0]).glob("*.chunk")):
                wrong.append(f"left {chunks[0]} with nothing to resume")
        if status == 0 and not (self._target.exists() and _sha256(self._target) == self._whole):
            wrong.append("status 0 without the whole target")
        tally.wrong += [
            f"{self.command}, {number.name}: {one}: status {status}, said: {output[-700:]}"
            for one in wrong
        ]

    def _wrong_target(self, old: bool, tally: Tally) -> list[str]:
        """Count what the target is → what is wrong with it."""
        if not self._target.exists():
            tally.absent += 1
            return ["the old target is gone"] if old else []
        if old and self._target.read_bytes() == b"the old one":
            tally.old += 1
        elif _sha256(self._target) == self._whole:
            tally.whole += 1
        else:
            return ["the target is half"]
        return []

    @staticmethod
    def _wrong_end(number: signal.Signals, status: int, output: str) -> list[str]:
        """What is wrong with the status and the message after a signal that can be caught."""
        wrong = []
        expected = {0, 130} if number == signal.SIGINT else {0, -number, 128 + number}
        if status not in expected:
            wrong.append(f"status {status}")
        if "Traceback" in output or "Exception ignored" in output:
            wrong.append("a traceback")
        if number == signal.SIGINT and status == 130:
            last = [*output.splitlines(), ""][-1 if not output else -2]
            if not last.startswith("videocodec: interrupted"):
                wrong.append("said something else than that it was interrupted")
        return wrong

    def finish(self, tally: Tally) -> None:
        """An undisturbed run on what was left: with --resume first, if there is something to
        resume.
        """
        resumes = ["--resume"] if self.command.startswith("encode") else []
        self._starter.start([*self._arguments, *resumes], self._folder, self._errors)
        status, _, _ = self._starter.ended()
        if status or _sha256(self._target) != self._whole:
            tally.wrong.append(
                f"{self.command}: the run after the trials: status {status}, said:"
                f" {self._errors.read_text()[-700:]}"
            )
        if left := [entry.name for entry in self._folder.iterdir() if _is_own(entry.name)]:
            tally.wrong.append(f"{self.command}: the run after the trials left {', '.join(left)}")
        if self._others(with_own=False) != self._before:
            tally.wrong.append(f"{self.command}: the run after the trials touched other files")
        self._target.unlink(missing_ok=True)

    def _others(self, with_own: bool = True) -> dict[str, tuple[bytes, int]]:
        """All files but the target and what the command makes: content and time of change."""
        files = (
            path
            for path in sorted(self._folder.rglob("*"))
            if path.is_file() and path != self._target
        )
        relative = ((path.relative_to(self._folder), path) for path in files)
        return {
            str(name): (path.read_bytes(), path.stat().st_mtime_ns)
            for name, path in relative
            if with_own or not _is_own(name.parts[0])
        }


def _is_own(name: str) -> bool:
    """Whether a name in the folder is one that the command makes beside the target."""
    return name.endswith(".part") or name == "out.lv.mp4.chunks"


def _is_over(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
