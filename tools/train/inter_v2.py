"""Fit the tables of format version 2, for inter frames with the weights of a training.

    python -m tools.train.inter_v2 --weights FILE --clips DIR --output TABLES [--tables BEFORE]

The ranges of the loop's networks, the search map and the weights of errors are taken from frames of
the clips, then context networks and frequencies are fitted to what the encoder codes of them.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.tables import LevelTables
from tools.bench.options import VIDEO_SUFFIXES, add_clips, clip_paths
from videocodec.calibration.error_weights import measure_error_weights
from videocodec.calibration.loop_networks import loop_networks
from videocodec.calibration.search_map import fit_search_map
from videocodec.calibration.second_inter import PreparedClip, first_tables, fit_inter, tables_after
from videocodec.encoder.clip_coder import ClipCoder
from videocodec.encoder.second_frame_encoder import BLOCK_LOG2
from videocodec.media.source import VideoSource
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec

_LARGEST_SIDE, _MULTIPLE = 288, 16  # px of a picture that ranges are taken from
_FRAME = 12  # of a clip: the first ones are often black
_EVERY = 5  # picture of them is for the weights of errors
_DISTANCES = (1, 2, 4)  # in frames, of pairs for the search map


def codec_of(weights: Path, channels: int) -> SecondCodec:
    """The networks of a file of weights."""
    codec = SecondCodec(SecondShape(channels=channels))
    codec.load(weights)
    return codec.eval()


def pictures_of(clip: Path, frames: int) -> list[np.ndarray]:
    """RGB (H, W, 3) of the first frames."""
    with VideoSource(clip, max_frames=frames) as source:
        return [frame.rgb for frame in islice(source, frames)]


def fitted_loop(
    codec: SecondCodec, clips: Sequence[Path], count: int
) -> tuple[LoopNetworks, np.ndarray, np.ndarray]:
    """The loop's networks, with ranges from frames of clips, their search map, and what errors
    count.
    """
    pairs = []
    for index, clip in enumerate(clips[:: max(1, len(clips) // count)][:count]):
        later = _FRAME + _DISTANCES[index % len(_DISTANCES)]
        pictures = pictures_of(clip, later + 1)
        pairs.append((_middle(pictures[min(_FRAME, len(pictures) - 1)]), _middle(pictures[-1])))
    loop = loop_networks(codec, [before for before, _ in pairs])
    weights = measure_error_weights(codec, [before for before, _ in pairs[::_EVERY]])
    return loop, fit_search_map(loop, pairs), weights


def _middle(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, sides multiples of 16."""
    sides = [min(side, _LARGEST_SIDE) // _MULTIPLE * _MULTIPLE for side in picture.shape[:2]]
    top, left = ((side - part) // 2 for side, part in zip(picture.shape, sides, strict=False))
    return np.ascontiguousarray(picture[top:, left:][: sides[0], : sides[1]])


def parser() -> ArgumentParser:
    """The command line."""
    cli = ArgumentParser(prog="python -m tools.train.inter_v2", description=__doc__)
    add_clips(cli)
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--output", type=Path, required=True, help="tables to write")
    cli.add_argument("--tables", type=Path, help="tables of weights much like these, to go on from")
    cli.add_argument("--channels", type=int, default=SecondShape.channels)
    cli.add_argument("--frames", type=int, default=17, help="of every clip")
    cli.add_argument("--most-clips", type=int, default=12, help="spread over the folder")
    cli.add_argument("--range-pictures", type=int, default=40)
    cli.add_argument("--steps", type=int, default=300, help="of a fit of the networks")
    cli.add_argument("--rounds", type=int, default=2, help="of coding and fitting")
    cli.add_argument(
        "--block-log2", type=int, default=BLOCK_LOG2, help="0: blocks of 8 px, 1: of 16 px"
    )
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit and write."""
    args = parser().parse_args(arguments)
    codec, clips = codec_of(args.weights, args.channels), clip_paths(args)
    if not clips:
        raise SystemExit(f"{args.clips}: no clips ({', '.join(sorted(VIDEO_SUFFIXES))})")
    loop_parts = fitted_loop(codec, clips, args.range_pictures)
    if args.tables is None:
        tables = first_tables(codec.rate, *loop_parts)
    else:
        tables = tables_after(LevelTables.load(args.tables), codec.rate, *loop_parts)
    coder, prepared = ClipCoder(codec, tables, args.block_log2), []
    for clip in clips[:: max(1, len(clips) // args.most_clips)][: args.most_clips]:
        pictures = pictures_of(clip, args.frames)
        size = pictures[0].shape[1], pictures[0].shape[0]
        prepared.append(PreparedClip(coder.prepared(pictures), size))

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    fit_inter(codec, tables, prepared, args.steps, log, args.rounds, args.block_log2).save(
        args.output
    )


if __name__ == "__main__":
    main()
