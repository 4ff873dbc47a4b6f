"""Coverage-guided fuzzing of everything that reads bytes of strangers (needs ``pip install
".[fuzz]"``).

    # fuzz; ends at whichever comes first
    python -m tools.fuzz TARGET [--executions N] [--seconds S] [--corpus DIR] [--seed N]
    # repeat single inputs
    python -m tools.fuzz TARGET --input FILE …
    # write the inputs it all began with
    python -m tools.fuzz TARGET --make-seeds DIR
    # write what is needed of the corpus
    python -m tools.fuzz TARGET --minimise DIR

TARGET is one of those that ``--list`` prints.  New inputs go into the corpus (default: a folder
that is thrown away); those of tests/fuzz/corpus/TARGET are always read; an input that breaks
something is written to the current folder, and the exit status is not 0.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]

# Before anything else of the project is imported: only what is imported inside is followed.
with atheris.instrument_imports(
    include=[
        "bitstream",
        "videocodec.models.bundle",
        "videocodec.models.budget",
        "videocodec.models.files",
        "videocodec.models.strict_json",
        "videocodec.decoder.index",
        "videocodec.decoder.timeline",
        "videocodec.inspection.repair",
        "videocodec.media.heif",
    ],
    enable_loader_override=False,
):
    from tools.fuzz.targets import TARGETS, Target

CORPUS = ROOT / "tests" / "fuzz" / "corpus"
_CHILD = "--as-child"
_SECONDS_AN_INPUT = 120  # wall-clock, the last resort: targets measure processor time themselves
# MiB: atheris itself keeps some kB of every input; targets look at how much single inputs take
_MEMORY = 8192


def main() -> int:
    if _CHILD in sys.argv:  # minimising starts this program anew, with options of libFuzzer's
        at = sys.argv.index(_CHILD)
        atheris.Setup([sys.argv[0], *sys.argv[at + 1 :]], TARGETS[sys.argv[1]].make())
        atheris.Fuzz()
    arguments = _arguments()
    if arguments.list:
        for name, target in TARGETS.items():
            print(f"{name:12} {target.about}")
        return 0
    target = TARGETS[arguments.target]
    if arguments.make_seeds is not None:
        arguments.make_seeds.mkdir(parents=True, exist_ok=True)
        for index, seed in enumerate(target.seeds()):
            (arguments.make_seeds / f"{index:02d}").write_bytes(seed)
        return 0
    run = target.make()
    if arguments.input:
        for file in arguments.input:
            run(file.read_bytes())
        print(f"{len(arguments.input)} inputs of {arguments.target}: nothing broke")
        return 0
    _fuzz(arguments, target, run)
    return 0


def _fuzz(arguments: argparse.Namespace, target: Target, run: Callable[[bytes], None]) -> None:
    """Hand over to libFuzzer, which ends the process."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        options = [*_options(arguments, target), *_dictionary(target, Path(scratch))]
        folders = _folders(arguments, scratch)
        mutators = {} if target.mutate is None else {"custom_mutator": target.mutate}
        program = shlex.join([sys.executable, "-m", "tools.fuzz", arguments.target, _CHILD])
        atheris.Setup(
            [program, *options, *(folder for folder in folders if Path(folder).is_dir())],
            run,
            **mutators,
        )
        atheris.Fuzz()


def _options(arguments: argparse.Namespace, target: Target) -> list[str]:
    """What libFuzzer is told of the run."""
    options = [
        f"-timeout={_SECONDS_AN_INPUT}",
        f"-rss_limit_mb={_MEMORY}",
        f"-max_len={target.longest}",
        "-print_final_stats=1",
        f"-seed={arguments.seed}",
        "-verbosity=1",
        "-close_fd_mask=0",
        "-reload=0",
        "-len_control=20",
        "-report_slow_units=100",
    ]
    if arguments.minimise is not None:
        return [*options, "-merge=1"]
    return [*options, f"-runs={arguments.executions}", f"-max_total_time={arguments.seconds}"]


def _folders(arguments: argparse.Namespace, scratch: str) -> list[str]:
    """Folders of inputs, the one that is written to first."""
    stored, corpus = str(CORPUS / arguments.target), arguments.corpus
    if arguments.minimise is not None:
        arguments.minimise.mkdir(parents=True, exist_ok=True)
        return [str(arguments.minimise), stored, *([str(corpus)] if corpus else [])]
    if corpus:
        corpus.mkdir(parents=True, exist_ok=True)
    return [str(corpus or scratch), stored]


def _dictionary(target: Target, folder: Path) -> list[str]:
    """The option that names the words of a target, which are written into ``folder``."""
    if not target.words:
        return []
    dictionary = folder / "words"
    lines = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
    dictionary.write_text("".join(f'"{line}"\n' for line in lines))
    return [f"-dict={dictionary}"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", choices=TARGETS, metavar="TARGET", help="what to fuzz")
    parser.add_argument("--list", action="store_true", help="print the targets")
    parser.add_argument(
        "--executions", type=int, default=-1, metavar="N", help="inputs to try (default: no limit)"
    )
    parser.add_argument(
        "--seconds", type=int, default=0, metavar="S", help="seconds to run (default: no limit)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the random numbers (default: 1)"
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="where inputs that reach something new are read and kept",
    )
    parser.add_argument(
        "--input", type=Path, nargs="+", metavar="FILE", help="run these inputs once, and no other"
    )
    parser.add_argument("--make-seeds", type=Path, metavar="DIR", help="write the first inputs")
    parser.add_argument(
        "--minimise",
        type=Path,
        metavar="DIR",
        help="write what is needed of all inputs to reach as much",
    )
    arguments = parser.parse_args()
    if arguments.target is None and not arguments.list:
        parser.error("name a target, or --list them")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
