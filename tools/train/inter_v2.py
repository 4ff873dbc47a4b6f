"""Fit the tables of format version 2, a draft, for inter frames with the weights of a training.

    python -m tools.train.inter_v2 --weights FILE --clips DIR --output TABLES

Phase filters are fitted on the first frames, then networks and frequencies on what the encoder
codes of the clips.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from bitstream.formats import load_tables
from bitstream.v1.tables import CodecTables
from bitstream.v2.tables import LevelTables
from tools.bench.options import VIDEO_SUFFIXES, add_clips, clip_paths
from videocodec.calibration.phase_filters import fit_phase_filters
from videocodec.calibration.second import tables_of
from videocodec.calibration.second_inter import PreparedClip, first_tables, fit_inter
from videocodec.encoder.draft_clip import DraftClipCoder
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec

_FILTER_SIDE, _LEAST_SIDE = 232, 72  # px of a picture for phase filters, at most and at least


def codec_of(weights: Path, channels: int) -> SecondCodec:
    """The networks of a file of weights."""
    codec = SecondCodec(SecondShape(channels=channels))
    codec.load(weights)
    return codec.eval()


def pictures_of(clip: Path, frames: int) -> list[np.ndarray]:
    """RGB (H, W, 3) of the first frames."""
    with VideoSource(clip, max_frames=frames) as source:
        return [frame.rgb for frame in islice(source, frames)]


def fitted_filters(codec: SecondCodec, clips: Sequence[Path], count: int) -> np.ndarray:
    """Phase filters from the middle of the first frames."""
    pictures = []
    for clip in clips:
        (picture,) = pictures_of(clip, 1)
        top, left = (max(0, side - _FILTER_SIDE) // 2 for side in picture.shape[:2])
        part = picture[top : top + _FILTER_SIDE, left : left + _FILTER_SIDE]
        if min(part.shape[:2]) >= _LEAST_SIDE:
            pictures.append(np.ascontiguousarray(part))
        if len(pictures) == count:
            break

    def encode(picture: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            latents: np.ndarray = codec.encoder(tensor)[0].numpy()
        return latents

    filters, errors = fit_phase_filters(encode, pictures)
    print(f"phase filters: mean squared error {errors.mean():.4f}", file=sys.stderr, flush=True)
    return filters


def parser() -> ArgumentParser:
    """The command line."""
    cli = ArgumentParser(prog="python -m tools.train.inter_v2", description=__doc__)
    add_clips(cli)
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--output", type=Path, required=True, help="tables to write")
    cli.add_argument("--start", type=Path, help="tables whose phase filters are good already")
    cli.add_argument("--channels", type=int, default=SecondShape.channels)
    cli.add_argument("--frames", type=int, default=17, help="of every clip")
    cli.add_argument("--most-clips", type=int, default=12, help="spread over the folder")
    cli.add_argument("--filter-pictures", type=int, default=20)
    cli.add_argument("--steps", type=int, default=300, help="of a fit of the networks")
    cli.add_argument("--rounds", type=int, default=2, help="of coding and fitting")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit and write."""
    args = parser().parse_args(arguments)
    codec, clips = codec_of(args.weights, args.channels), clip_paths(args)
    if not clips:
        raise SystemExit(f"{args.clips}: no clips ({', '.join(sorted(VIDEO_SUFFIXES))})")
    if args.start is None:
        filters = fitted_filters(codec, clips, args.filter_pictures)
    else:
        started = load_tables(args.start)
        if not isinstance(started, LevelTables) or started.inter is None:
            raise SystemExit(f"{args.start}: no tables of format version 2 for inter frames")
        filters = started.inter.phase_filters
    blocks = CodecTables.load(ModelBundle.find("embedded").tables_file).block_priors
    tables = first_tables(codec.rate, blocks, filters)
    coder, prepared = DraftClipCoder(codec, tables_of(codec.rate)), []
    for clip in clips[:: max(1, len(clips) // args.most_clips)][: args.most_clips]:
        pictures = pictures_of(clip, args.frames)
        size = pictures[0].shape[1], pictures[0].shape[0]
        prepared.append(PreparedClip(coder.prepared(pictures), size))

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    fit_inter(codec, tables, prepared, args.steps, log, args.rounds).save(args.output)


if __name__ == "__main__":
    main()
