"""Kills encoders and decoders at random moments and looks at what they leave; measures how long
Ctrl-C takes.

    python -m tools.bench.faults [--trials 100] [--only "encode,decode,encode --jobs 2"] [--signals
    KILL,INT,TERM,HUP] [--cold 10]

A trial starts the command in a folder with other files of the user's, sends the signal at a random
moment of its life, to all its processes as a terminal does, and then checks: the target is not
there, or is what an undisturbed run makes; with -y the old one is there as it was, or the new one
as a whole (every other trial has an old one); other files are untouched; after a signal that can be
caught nothing else is in the folder but what --resume takes over, and the status is the signal's
(130 for Ctrl-C).  In the end a run on what the trials left gives the right bytes and clears
everything away.  Half of the moments are spread over the whole run, half over what follows the
first sign of work in the folder.

Most of a run is loading PyTorch, seconds that are the same every time.  So trials run in copies of
a process that has loaded it (the command line's own ``main`` in a new process of a new session),
and ``--cold`` more of each command begin with ``python -m videocodec``. Exit status 1 if anything
was wrong.  POSIX only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COMMANDS = ("encode", "decode", "encode --jobs 2")
_BYSTANDERS = {
    "notes.txt": b"of the user's",
    "out.txt": b"another",
    ".hidden": b"hidden",
    "other.lv.mp4.chunks/manifest.json": b"{}",
}
_PATIENCE = 300  # seconds for anything
_FRAMES = "10"


def serve() -> None:
    """Load everything, then for every line of standard input, a JSON list of arguments and a
    folder, run the command line in a copy of this process; answer with its number, and when it has
    ended with its status and the seconds it lived.
    """
    import videocodec.decoder.api
    import videocodec.encoder.api
    import videocodec.media.sinks
    import videocodec.models.loading
    import videocodec.models.runtime  # noqa: F401
    from videocodec.__main__ import main

    _listen()
    print("ready", flush=True)
    for line in sys.stdin:
        arguments, folder, errors = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            told = os.dup(1)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
            os.chdir(folder)
            sys.argv = ["videocodec", *arguments]
            os.write(told, f"{os.getpid()}\n".encode())
            os.close(told)
            main()
        begin = time.monotonic()
        _, status = os.waitpid(child, 0)
        print(
            json.dumps(
                [os.waitstatus_to_exitcode(status), time.monotonic(), time.monotonic() - begin]
            ),
            flush=True,
        )


def _listen() -> None:
    """To signals, also where a shell started this in the background and had them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Starter:
    """Starts commands: copies of a process that has loaded everything, or new processes."""

    def __init__(self, cold: bool) -> None:
        self._cold = cold
        self._server: subprocess.Popen | None = None
        if not cold:
            self._server = subprocess.Popen(
                [sys.executable, "-c", "from tools.bench.faults import serve; serve()"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_environment(),
            )
            if self._server.stdout.readline() != "ready\n":
                raise RuntimeError("the process that runs commands could not be started")

    def start(self, arguments: list[str], folder: Path, errors: Path) -> int:
        """Start a command in a session of its own → its process."""
        if self._server is None:
            with errors.open("wb") as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "videocodec", *arguments],
                    cwd=folder,
                    env=_environment(),
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    preexec_fn=_listen,
                )
            self._begin = time.monotonic()
            return self._process.pid
        self._server.stdin.write(json.dumps([arguments, str(folder), str(errors)]) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def ended(self) -> tuple[int, float, float]:
        """Wait for it → status (negative: a signal's number), the time it ended, the seconds it
        lived.
        """
        if self._server is None:
            status = self._process.wait(_PATIENCE)
            return status, time.monotonic(), time.monotonic() - self._begin
        return tuple(json.loads(self._server.stdout.readline()))

    def close(self) -> None:
        """End the process that was made ready."""
        if self._server is not None:
            self._server.stdin.close()
            self._server.wait(_PATIENCE)


def _environment() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
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


class Bench:
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
            ["--max-frames", _FRAMES, "--gop-size", "4", "--preset", "ultrafast"]
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
        self._mine = self._others()
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
        deadline = time.monotonic() + _PATIENCE
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
        said = self._errors.read_text(errors="replace").strip()
        wrong = []
        if not self._target.exists():
            tally.absent += 1
            if old:
                wrong.append("the old target is gone")
        elif old and self._target.read_bytes() == b"the old one":
            tally.old += 1
        elif _sha256(self._target) == self._whole:
            tally.whole += 1
        else:
            wrong.append("the target is half")
        if self._others(ours=False) != self._mine:
            wrong.append("other files were touched")
        left = [entry.name for entry in self._folder.iterdir() if _is_ours(entry.name)]
        chunks = [name for name in left if name.endswith(".chunks")]
        tally.resumable += bool(chunks)
        tally.leftovers += len(left) > len(chunks)
        if number != signal.SIGKILL:
            expected = {0, 130} if number == signal.SIGINT else {0, -number, 128 + number}
            if status not in expected:
                wrong.append(f"status {status}")
            if len(left) > len(chunks):
                wrong.append(f"left {', '.join(sorted(set(left) - set(chunks)))}")
            if chunks and not any((self._folder / chunks[0]).glob("*.chunk")):
                wrong.append(f"left {chunks[0]} with nothing to resume")
            if "Traceback" in said or "Exception ignored" in said:
                wrong.append("a traceback")
            if (
                number == signal.SIGINT
                and status == 130
                and not said.splitlines()[-1].startswith("videocodec: interrupted")
            ):
                wrong.append("said something else than that it was interrupted")
        if status == 0 and not (self._target.exists() and _sha256(self._target) == self._whole):
            wrong.append("status 0 without the whole target")
        tally.wrong += [
            f"{self.command}, {number.name}: {one}: status {status}, said: {said[-700:]}"
            for one in wrong
        ]

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
        if left := [entry.name for entry in self._folder.iterdir() if _is_ours(entry.name)]:
            tally.wrong.append(f"{self.command}: the run after the trials left {', '.join(left)}")
        if self._others(ours=False) != self._mine:
            tally.wrong.append(f"{self.command}: the run after the trials touched other files")
        self._target.unlink(missing_ok=True)

    def _others(self, ours: bool = True) -> dict[str, tuple[bytes, int]]:
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
            if ours or not _is_ours(name.parts[0])
        }


def _is_ours(name: str) -> bool:
    """Whether a name in the folder is one that the command makes beside the target."""
    return name.endswith(".part") or name == "out.lv.mp4.chunks"


def _is_over(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(
    commands: list[str],
    signals: list[signal.Signals],
    trials: int,
    seed: int,
    *,
    cold: bool = False,
    seconds: float | None = None,
) -> dict[tuple[str, str], Tally]:
    """All trials → what became of them by command and signal; Ctrl-C ends them early.  seconds: an
    end to those of one command and signal, if they take long.
    """
    from tools.bench.speed import make_clip
    from videocodec import encode

    work, found = Path(tempfile.mkdtemp(prefix="videocodec-faults-")), {}
    starter = Starter(cold)
    try:
        make_clip(work / "clip.mp4", 1, 64, 48)
        encode(
            work / "clip.mp4",
            work / "clip.lv.mp4",
            max_frames=int(_FRAMES),
            gop_size=4,
            preset="ultrafast",
            threads=1,
            device="cpu",
        )
        for command in commands:
            bench = Bench(
                command,
                work / command.replace(" ", ""),
                work / "clip.mp4",
                work / "clip.lv.mp4",
                starter,
                random.Random(seed),
            )
            for number in signals:
                tally, begin = found.setdefault((command, number.name), Tally()), time.monotonic()
                for index in range(trials):
                    if seconds is not None and time.monotonic() - begin > seconds:
                        break
                    bench.trial(number, tally, index)
                bench.finish(tally)
    except KeyboardInterrupt:
        pass
    finally:
        starter.close()
        shutil.rmtree(work, ignore_errors=True)
    return found


def report(found: dict[tuple[str, str], Tally]) -> None:
    """Print the table, and everything that was wrong."""
    from tools.bench.markdown import table

    rows = []
    for (command, number), one in found.items():
        took = sorted(one.seconds) or [float("nan")]
        times = f"{statistics.median(took):.2f}", f"{took[-1]:.2f}"
        counts = (
            one.trials,
            one.absent,
            one.old,
            one.whole,
            one.too_late,
            one.resumable,
            one.leftovers,
        )
        rows.append((command, number, *counts, *times, len(one.wrong)))
    columns = (
        "command",
        "signal",
        "trials",
        "no target",
        "old target",
        "new target, whole",
        "of them before the signal",
        "left parts to resume",
        "left files for the next run to remove",
        "median s to the end",
        "worst",
        "wrong",
    )
    table(columns, rows)
    for one in found.values():
        for line in one.wrong:
            print(f"WRONG: {line}", flush=True)


def main() -> int:
    """Run everything → exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trials", type=int, default=100, help="of each command by each signal (default: 100)"
    )
    parser.add_argument(
        "--cold",
        type=int,
        default=10,
        help="trials more that begin with the program itself (default: 10)",
    )
    parser.add_argument(
        "--only", default=",".join(COMMANDS), help=f"commands (default: {','.join(COMMANDS)})"
    )
    parser.add_argument("--signals", default="KILL,INT", help="signals (default: KILL,INT)")
    parser.add_argument(
        "--seconds", type=float, help="stop the trials of one command by one signal after so long"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    _listen()
    signals = [signal.Signals[f"SIG{name}"] for name in args.signals.split(",")]
    wrong = 0
    for cold, trials in ((False, args.trials), (True, args.cold)):
        if trials:
            begin = time.monotonic()
            found = run(
                args.only.split(","), signals, trials, args.seed, cold=cold, seconds=args.seconds
            )
            print(
                f"\n{'from the very start' if cold else 'from when PyTorch is loaded'}, in"
                f" {time.monotonic() - begin:.0f} s:\n"
            )
            report(found)
            wrong += sum(len(one.wrong) for one in found.values())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
