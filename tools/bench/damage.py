"""What damage costs: access units flipped, zeroed, forged, cut, dropped, swapped and repeated at
random, files cut at random bytes, and how near concealed pictures come to those that were lost.

python -m tools.bench.damage --trials 5000           # frames lost outside of what depends on the
damage must be 0 python -m tools.bench.damage --cuts 300              # videocodec repair: frames
recovered of those that are there python -m tools.bench.damage --quality samples/portrait.mp4
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitstream.errors import BitstreamError
from tools.bench.damaged_files import (
    Original,
    Tally,
    coded_clip,
    remembering,
    run_trials,
    scaled_clip,
)
from videocodec import VideoReader
from videocodec.decoded import DecodedLatents
from videocodec.decoder.concealment import conceal, concealed_frames
from videocodec.decoder.latents import LatentStream
from videocodec.errors import VideoCodecError
from videocodec.inspection.repair import repair

# --------------------------------------------------------------------------------------------------
# repair


@dataclass
class CutTally:
    """Of files cut at random bytes.  possible: frames that are there whole, with everything they
    build on; recovered: of those, in the repaired file with the same latents and times; wrong:
    frames of repaired files that are something else; nothing: cuts of which nothing was recovered,
    rightly; readable: cuts that ``LatentStream`` reads without repair up to the cut, the others
    naming ``repair``.
    """

    cuts: int = 0
    possible: int = 0
    recovered: int = 0
    wrong: int = 0
    nothing: int = 0
    readable: int = 0
    unclear: int = 0


def without_tables(path: Path, target: Path) -> Path:
    """The file as it is on the disk before its tables are written: a process was killed."""
    data = path.read_bytes()
    place, kept = 0, b""
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] != b"moov":
            kept += data[place : place + size]
        place += size
    target.write_bytes(kept)
    return target


def run_cuts(path: Path, coded: Path, count: int, seed: int = 0) -> CutTally:
    """Cut a file at ``count`` random bytes, repair and compare.  coded: the whole file, which it is
    a part of.
    """
    rng, original, tally = np.random.default_rng(seed), Original.of(coded), CutTally()
    data = path.read_bytes()
    with tempfile.TemporaryDirectory() as name, remembering():
        folder = Path(name)
        for length in sorted(rng.integers(0, len(data), count).tolist()):
            tally.cuts += 1
            cut = folder / "cut.lv.mp4"
            cut.write_bytes(data[:length])
            there: list[DecodedLatents] = []
            for sample, (frames, _) in zip(original.samples, original.units):
                if data.find(sample.data) + len(sample.data) > length:
                    break
                there += original.frames[frames.start : frames.stop]
            tally.possible += len(there)
            try:
                tally.readable += len(list(concealed_frames(LatentStream(cut)))) == len(there)
            except BitstreamError as error:
                tally.unclear += bool(there) and "videocodec repair" not in str(error)
            try:
                repair(cut, folder / "repaired.lv.mp4", overwrite=True)
            except VideoCodecError:
                tally.nothing += not there
                continue
            for frame in LatentStream(folder / "repaired.lv.mp4").frames():
                same = frame.index < len(there) and np.array_equal(
                    frame.latent.latents, there[frame.index].latent.latents
                )
                same = same and frame.pts == there[frame.index].pts
                tally.recovered += same
                tally.wrong += not same
    return tally


# --------------------------------------------------------------------------------------------------
# quality


@dataclass(frozen=True)
class Quality:
    """Mean PSNR of RGB, dB, of concealed pictures against those that an intact stream decodes to,
    by method; ``length`` frames lost.
    """

    length: int
    pictures: int
    interpolated: float
    repeated: float
    grey: float


def measure_quality(
    coded: Path, lengths: Sequence[int], *, places: int = 8, pictures_each: int = 3
) -> list[Quality]:
    """Runs of so many frames taken out of a stream, at ``places`` places, and some frames of each
    compared.
    """
    out = []
    with VideoReader(
        coded, device="cpu", threads=1, read_ahead=False, memory_limit=1 << 30
    ) as video:
        decoder = video._core.networks.decoder(video.settings)
        header = video.index.header
        for length in lengths:
            scores: dict[str, list[float]] = {"interpolated": [], "repeated": [], "grey": []}
            for first in np.linspace(1, len(video) - length - 2, places).astype(int).tolist():
                before, after = video.latent_frame(first - 1), video.latent_frame(first + length)
                for number in np.unique(
                    np.linspace(first, first + length - 1, pictures_each).astype(int)
                ).tolist():
                    truth = video[number].data
                    for method, sides in (
                        ("interpolated", (before, after)),
                        ("repeated", (before, None)),
                        ("grey", (None, None)),
                    ):
                        made = decoder.pictures(
                            [conceal(video.index, number, *sides, header)], range(1)
                        )[0].data
                        error = np.mean((made.astype(np.float64) - truth) ** 2)
                        scores[method].append(
                            100.0 if error == 0 else 10 * np.log10(255**2 / error)
                        )
            out.append(
                Quality(
                    length,
                    len(scores["grey"]),
                    *(float(np.mean(scores[m])) for m in ("interpolated", "repeated", "grey")),
                )
            )
    return out


# --------------------------------------------------------------------------------------------------
# main


def _print_trials(tallies: dict[str, Tally]) -> None:
    print(
        "| damage | trials | frames outside | of these lost | frames that depend on it | concealed"
        " and marked | exact | wrong, not marked |"
    )
    print("|---|---|---|---|---|---|---|---|")
    total = Tally()
    for kind, t in tallies.items():
        print(
            f"| {kind} | {t.trials} | {t.outside} | {t.lost_outside} | {t.dependent} |"
            f" {t.concealed} | {t.exact} | {t.wrong_inside} |"
        )
        for name in vars(total):
            setattr(total, name, getattr(total, name) + getattr(t, name))
    t = total
    print(
        f"| **all** | {t.trials} | {t.outside} | **{t.lost_outside}** | {t.dependent} |"
        f" {t.concealed} | {t.exact} | **{t.wrong_inside}** |"
    )
    print(f"\n{t.refused} trials could not be opened at all.")


def main() -> int:
    """Run what was asked for → 1 if anything was lost that need not be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--quality", metavar="CLIP")
    parser.add_argument("--size", default="256x144", help="of the clip for --quality")
    parser.add_argument("--frames", type=int, default=100, help="of the clip for --quality")
    parser.add_argument("--full", action="store_true", help="decode everything anew in every trial")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.trials:

            def told(number: int) -> None:
                if number % 250 == 0:
                    print(f"{number} trials", file=sys.stderr, flush=True)

            tallies = run_trials(
                coded_clip(folder), args.trials, args.seed, remember=not args.full, told=told
            )
            _print_trials(tallies)
            failed |= any(t.lost_outside or t.wrong_inside for t in tallies.values())
        if args.cuts:
            (folder / "cuts").mkdir()
            coded = coded_clip(folder / "cuts", sound=True)
            files = {
                "as it is written, tables first": coded,
                "killed while it was written, no tables": without_tables(coded, folder / "n.mp4"),
            }
            print(
                "| file | cuts | frames there | recovered by repair | wrong | readable without"
                " repair | neither, and not told of repair |"
            )
            print("|---|---|---|---|---|---|---|")
            for what, path in files.items():
                t = run_cuts(path, coded, args.cuts, args.seed)
                print(
                    f"| {what} | {t.cuts} | {t.possible} | {t.recovered} | {t.wrong} | {t.readable}"
                    f" | {t.unclear} |"
                )
                failed |= t.wrong > 0 or t.recovered < t.possible
        if args.quality:
            width, height = map(int, args.size.split("x"))
            coded = scaled_clip(Path(args.quality), folder, width, height, args.frames)
            print("| frames lost | pictures | interpolated | repeated | grey |")
            print("|---|---|---|---|---|")
            for q in measure_quality(coded, (1, 4, 16, 40)):
                print(
                    f"| {q.length} | {q.pictures} | {q.interpolated:.2f} dB | {q.repeated:.2f} dB |"
                    f" {q.grey:.2f} dB |",
                    flush=True,
                )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
