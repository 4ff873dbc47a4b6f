"""What each tool of inter coding is worth: bytes at equal lpips-squeeze and equal PSNR with and
without it.

    python -m tools.bench.inter --clips DIR --lpips FILE [--crf 26 35 44 53] [--max-frames 65]
    [--only NAME …] [--jobs 2]

First the tools are added one after another, from a past-only coder with the median of a flow for
vectors, a threshold for modes and one quantiser for all frames, up to the whole encoder; then some
are taken out of the whole encoder.  Bytes are whole access units, keyframes included, summed over
the clips; lpips-squeeze and PSNR (RGB) are those of every fifth frame, which over 80 frames meets
every level of a group, as means over the clips of the means of their frames.  BD-rate is
Bjøntegaard's over these sums (Akima).  The last table says where the bytes of inter frames go.
Latents are encoded once per clip; a process codes one clip.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.context_model import INTER
from bitstream.v1.frame_coder import FrameCoder, predict_frame
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from tools.bench.keyframes import quality
from tools.bench.markdown import table
from videocodec.decoded import QUANTISER_STEPS, QuantiserMaps
from videocodec.encoder.decisions import BlockDecider, Decision
from videocodec.encoder.group_encoder import EncoderFrame, GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import Effort, EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime

MEASURED_EVERY = 5
FLAT = {"keyframe_offset": 0, "level_offsets": (0,)}
PLAIN = Effort(1, hierarchical=False, units=False, merges=False, importance=False, refinements=0)
FULL = EncoderSettings().effort


class PastOnlyDecider(BlockDecider):
    """The coder before rate and distortion: the flow's median vectors, and a residual where the
    prediction is off by more than twice what quantisation alone would leave.
    """

    def decide(
        self, target, reference, candidates, context, quantiser, future=None, classes=None
    ) -> Decision:  # noqa: ANN001, D102
        fields = BlockFields.blank(*context.temporal.shape[1:3], Mode.SKIP)
        fields.vectors[0] = candidates[0]
        prediction = predict_frame(self.tables, fields, (reference,), self.block)
        distance = (target - prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        channels, height, width = distance.shape
        b = self.block
        error = np.square(distance).reshape(channels, height // b, b, width // b, b).mean((0, 2, 4))
        fields.modes[error > 2 / 12] = Mode.RESIDUAL
        return Decision(fields, prediction)


@dataclass(frozen=True)
class Coder:
    """One configuration: settings without crf, whether errors are weighted by channel, and whether
    decisions weigh rate at all.
    """

    name: str
    settings: dict = field(default_factory=dict)
    weighted: bool = True
    decides: bool = True


def coders() -> tuple[list[Coder], list[Coder]]:
    """Tools added one by one, and some taken out; the last of the first list is the whole
    encoder.
    """
    added = [
        Coder(
            "past only, median flow, threshold, one quantiser",
            {"effort_override": PLAIN, "lagrangian": 0.0} | FLAT,
            weighted=False,
            decides=False,
        ),
        Coder(
            "+ decisions by rate and distortion, RDOQ",
            {"effort_override": PLAIN} | FLAT,
            weighted=False,
        ),
        Coder("+ finer keyframe", {"effort_override": PLAIN}, weighted=False),
        Coder(
            "+ hierarchy, two references, coarser levels",
            {"effort_override": replace(PLAIN, hierarchical=True)},
            weighted=False,
        ),
        Coder(
            "+ units of 32 and 64 px",
            {"effort_override": replace(PLAIN, hierarchical=True, units=True)},
            weighted=False,
        ),
        Coder(
            "+ merging",
            {"effort_override": replace(PLAIN, hierarchical=True, units=True, merges=True)},
            weighted=False,
        ),
        Coder(
            "+ refinement of vectors on latents",
            {"effort_override": replace(FULL, importance=False)},
            weighted=False,
        ),
        Coder(
            "+ distortion weighted by channel", {"effort_override": replace(FULL, importance=False)}
        ),
        Coder("+ importance: the whole encoder"),
    ]
    without = [
        Coder("without the hierarchy", {"effort_override": replace(FULL, hierarchical=False)}),
        Coder("without importance", {"effort_override": replace(FULL, importance=False)}),
        Coder("without weights by channel", weighted=False),
        Coder("without any price on bits (λ = 0)", {"lagrangian": 0.0}),
    ]
    return added, without


def code(
    clip: list[EncoderFrame], header, bundle: ModelBundle, coder: Coder, crf: int
) -> tuple[list, dict[str, float]]:  # noqa: ANN001
    """Access units of a clip, and bytes of inter frames by what they say."""
    settings = EncoderSettings(crf=crf, **coder.settings)
    block = 1 << header.block_log2
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    made: list[FrameCoder] = []

    def new_coder(*arguments: object) -> FrameCoder:
        made.append(FrameCoder(*arguments))
        return made[-1]

    weights = bundle.sensitivity if coder.weighted else None
    encoder = GroupEncoder(
        bundle.tables, header, settings, search, new_coder=new_coder, weights=weights
    )
    if not coder.decides:
        encoder._decider = encoder._leaf_decider = PastOnlyDecider(bundle.tables, block, 0.0)
    units = [unit for frame in clip for unit in encoder.push(frame)] + encoder.finish()
    spent: dict[str, float] = defaultdict(float)
    for one in made:
        for name, tables in one.blocks.tables.items():
            spent[name] += tables.spent() / 8
        spent["residual levels"] += one.levels.table_sets[INTER].spent() / 8
    inter = sum(len(unit.to_bytes()) for unit in units if not unit.is_keyframe)
    spent["inter"] = inter
    spent["keyframes"] = sum(len(unit.to_bytes()) for unit in units if unit.is_keyframe)
    return units, dict(spent)


def measure_clip(
    path: Path, max_frames: int, chosen: list[Coder], crfs: list[int], lpips: Path
) -> dict:
    """(coder, crf) → (bytes, PSNR, lpips, bytes by element) of one clip."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    bundle = ModelBundle.find("embedded")
    runtime, perceptual = AutoencoderRuntime(bundle, "cpu", 1), LpipsSqueeze(lpips)
    with VideoSource(path, max_frames=max_frames) as source:
        header = sequence_header(source, bundle, EncoderSettings())
        search = MotionSearch.for_header(header, flow_preset=0)
        clip, pictures = [], []
        for frame in source:
            latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
            clip.append(EncoderFrame(latents, search.luma(frame.rgb), frame.pts, frame.duration))
            pictures.append(frame.rgb)
    results = {}
    for coder in chosen:
        for crf in crfs:
            units, spent = code(clip, header, bundle, coder, crf)
            decoder, maps, index, figures = (
                LatentDecoder(bundle.tables),
                QuantiserMaps(1 << header.block_log2),
                0,
                [],
            )
            for unit in units:
                frames = decoder.decode(unit)
                for frame, quantisers in zip(frames, maps.of(unit, frames)):
                    if index % MEASURED_EVERY == 0:
                        picture = runtime.decode(
                            frame.latents[None],
                            QUANTISER_STEPS[quantisers][None],
                            header.height,
                            header.width,
                        )[0]
                        figures.append(quality(picture, pictures[index], perceptual))
                    index += 1
            psnr, distance = np.mean(figures, axis=0)
            results[coder.name, crf] = (
                spent["inter"] + spent["keyframes"],
                float(psnr),
                float(distance),
                spent,
            )
    print(f"{path.stem} done", file=sys.stderr, flush=True)
    return results


def curves(results: dict[str, dict], coder: Coder, crfs: list[int]) -> tuple[Curve, Curve]:
    """Bytes of all clips against their mean lpips and PSNR."""
    rows = [[clip[coder.name, crf] for clip in results.values()] for crf in crfs]
    return tuple(
        Curve.of(
            [
                (sum(clip[0] for clip in row), sign * float(np.mean([clip[place] for clip in row])))
                for row in rows
            ]
        )
        for place, sign in ((2, -1), (1, 1))
    )


def percent(ours: Curve, reference: Curve) -> str:
    """BD-rate for a table."""
    delta = bd_rate(ours, reference)
    return delta.reason if delta.value is None else f"{delta.value:+.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[26, 35, 44, 53])
    parser.add_argument("--max-frames", type=int, default=65)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    added, without = coders()
    paths = sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    )
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        jobs = {
            p.stem: pool.submit(
                measure_clip, p, args.max_frames, added + without, args.crf, args.lpips
            )
            for p in paths
        }
        results = {name: job.result() for name, job in jobs.items()}
    whole, first = (curves(results, coder, args.crf) for coder in (added[-1], added[0]))
    print("\nTools added one by one, BD-rate against the first row and against the row before\n")
    rows, before = [], first
    for coder in added:
        now = curves(results, coder, args.crf)
        rows.append(
            [
                coder.name,
                *(percent(a, b) for a, b in zip(now, first)),
                *(percent(a, b) for a, b in zip(now, before)),
            ]
        )
        before = now
    table(
        [
            "",
            "lpips, against first",
            "PSNR, against first",
            "lpips, against row before",
            "PSNR, against row before",
        ],
        rows,
    )
    print("\nTools taken out of the whole encoder, BD-rate against it\n")
    table(
        ["", "lpips", "PSNR"],
        [
            [c.name, *(percent(a, b) for a, b in zip(curves(results, c, args.crf), whole))]
            for c in without
        ],
    )
    print("\nThe whole encoder against the first row, clip by clip\n")
    rows = []
    for name, clip in results.items():
        one = {name: clip}
        rows.append(
            [
                name,
                *(
                    percent(a, b)
                    for a, b in zip(
                        curves(one, added[-1], args.crf), curves(one, added[0], args.crf)
                    )
                ),
            ]
        )
    table(["clip", "lpips", "PSNR"], rows)
    print("\nWhere the bytes of inter frames go, whole encoder, all clips\n")
    parts = ["mode", "unit", "direction", "vector_merge", "vector_delta", "residual levels"]
    rows = []
    for crf in args.crf:
        spent = [clip[added[-1].name, crf][3] for clip in results.values()]
        inter = sum(one["inter"] for one in spent)
        shares = [sum(one[part] for one in spent) / inter for part in parts]
        motion = sum(shares[:5])
        rows.append(
            [
                crf,
                inter,
                *(f"{100 * share:.1f} %" for share in shares),
                f"{100 * (1 - sum(shares)):.1f} %",
                f"{100 * motion:.1f} %",
            ]
        )
    table(
        ["crf", "bytes inter", *parts, "intra levels, escapes, headers", "motion and modes"], rows
    )


if __name__ == "__main__":
    main()
