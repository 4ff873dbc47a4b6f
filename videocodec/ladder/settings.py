"""What a ladder is asked for, checked before anything is encoded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypedDict

from ..errors import ComparisonError
from ..models.default import DEFAULT_MODEL
from .clips import SMALLEST_SIDE, Clip
from .codecs import Codec, all_codecs, codec_named
from .codecs.base import Mode
from .jobs import Rung, rate_label
from .metrics import Figure, Metric

DEFAULT_CODECS = ("videocodec", "x264", "x265", "svtav1", "vp9")
DEFAULT_BITRATES = (10_000, 20_000, 40_000, 80_000, 160_000)
OWN_CRFS: Final = "auto"  # each codec's own ladder of crf
LOWEST_BITRATE = 500
CrfChoice = Sequence[float] | Mapping[str, Sequence[float]] | Literal["auto"]


@dataclass(frozen=True)
class LadderSettings:
    """What a ladder is asked for.

    codecs: in the order asked for.
    bitrates: bits per second.
    crfs: by codec; one of both, or none where only targets are searched.
    resolutions: shares of width and height, 0 < r ≤ 1.
    targets: figure → value to reach.
    presets: by codec, where not its own default.
    reference: the codec BD figures are against.
    gop_size: longest distance of keyframes, frames.
    threads: of each encode and decode.
    model: a bundle, by name or whole path of its folder; model_as_named: by the user.
    perceptual: weights that this codec looks through while it encodes, None if it does not.
    max_frames: of each clip, None for all.
    below, above: bits per second; BD-rates count only between.
    """

    codecs: tuple[Codec, ...]
    bitrates: tuple[float, ...]
    crfs: Mapping[str, tuple[float, ...]]
    resolutions: tuple[float, ...]
    targets: Mapping[str, float]
    presets: Mapping[str, str]
    reference: str
    gop_size: int
    threads: int
    model: str
    perceptual: str | None = None
    max_frames: int | None = None
    below: float | None = None
    above: float | None = None
    model_as_named: str = DEFAULT_MODEL

    def rungs(self, codec: Codec) -> list[Rung]:
        """Of the ladder of one codec, lowest quality first."""
        values: list[tuple[Mode, float]] = [("bitrate", rate) for rate in sorted(self.bitrates)]
        values += [("crf", value) for value in sorted(self.crfs.get(codec.name, ()), reverse=True)]
        return [Rung(mode, value, scale) for scale in self.resolutions for mode, value in values]

    def preset(self, codec: Codec) -> str:
        """Of one codec."""
        return self.presets.get(codec.name, codec.default_preset)


class LadderChoice(TypedDict, total=False):
    """What a caller of ``ladder`` may choose; everything has a default.

    codecs: names, all by default.
    bitrates: bits per second of the video alone, 10 to 160 kbit/s by default.
    crf: instead; numbers for every codec, numbers by codec, or "auto" for each codec's own ladder.
    resolutions: shares of width and height, 0 < r ≤ 1.
    targets: figure → value, whose crf is searched too, or alone where there are no rungs.
    presets: by codec.
    reference: the codec BD figures are against; x265, else the second codec.
    below, above: bits per second; BD figures only where the tested codec takes less, or more.
    gop_size: longest distance of keyframes, frames; 250.
    max_frames: of each clip; all.
    model: of this codec; that of ``videocodec.encode``.
    perceptual: as of ``videocodec.encode``.
    threads: of each encode and decode; 1.
    """

    codecs: Sequence[str]
    bitrates: Sequence[float] | None
    crf: CrfChoice | None
    resolutions: Sequence[float]
    targets: Mapping[str, float]
    presets: Mapping[str, str]
    reference: str | None
    below: float | None
    above: float | None
    gop_size: int
    max_frames: int | None
    model: str
    perceptual: str | Path | None
    threads: int


def checked(choice: LadderChoice) -> LadderSettings:
    """Settings that make sense.

    Raises ``ComparisonError``; ``TypeError`` and ``ValueError`` for what only a programmer gives.
    """
    if unknown := set(choice) - set(LadderChoice.__annotations__):
        raise TypeError(f"ladder has no setting {min(unknown)!r}")
    codecs, crf = choice.get("codecs", DEFAULT_CODECS), choice.get("crf")
    targets, presets = choice.get("targets") or {}, choice.get("presets") or {}
    bitrates, resolutions = choice.get("bitrates"), choice.get("resolutions", (1.0,))
    reference, perceptual = choice.get("reference"), choice.get("perceptual")
    gop_size, threads = choice.get("gop_size", 250), choice.get("threads", 1)
    max_frames = choice.get("max_frames")
    for name, value in (("gop_size", gop_size), ("threads", threads)):
        check_count(name, value)
    check_count("max_frames", 1 if max_frames is None else max_frames)
    if not codecs:
        raise ComparisonError("no codec: name one or more of " + ", ".join(all_codecs()))
    chosen = tuple(codec_named(name) for name in dict.fromkeys(codecs))
    names = [codec.name for codec in chosen]
    if bitrates and crf:
        raise ComparisonError("bitrates and crf exclude each other: give one")
    if not bitrates and not crf and not targets:
        bitrates = DEFAULT_BITRATES
    _check_numbers(bitrates or (), resolutions, targets)
    _check_presets(presets, names)
    if reference is not None and reference not in names:
        raise ComparisonError(
            f"the reference {reference!r} is not among the codecs {', '.join(names)}"
        )
    if isinstance(crf, Mapping) and (others := [name for name in crf if name not in names]):
        raise ComparisonError(
            f"a crf for {others[0]!r}, which is not among the codecs {', '.join(names)}"
        )
    return LadderSettings(
        codecs=chosen,
        bitrates=tuple(dict.fromkeys(bitrates or ())),
        crfs={codec.name: _crfs(codec, crf) for codec in chosen} if crf else {},
        resolutions=tuple(dict.fromkeys(resolutions)),
        targets=dict(targets),
        presets=dict(presets),
        reference=reference or ("x265" if "x265" in names else names[min(1, len(names) - 1)]),
        gop_size=gop_size,
        threads=threads,
        model=choice.get("model", DEFAULT_MODEL),
        perceptual=None if perceptual is None else str(perceptual),
        max_frames=max_frames,
        below=choice.get("below"),
        above=choice.get("above"),
    )


def check_count(name: str, value: object) -> None:
    """Raise ``ValueError`` for anything but a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def _check_numbers(
    bitrates: Sequence[float], resolutions: Sequence[float], targets: Mapping[str, float]
) -> None:
    for rate in bitrates:
        if not LOWEST_BITRATE <= rate < 1e10:
            raise ComparisonError(
                f"bitrate {rate:g} makes no sense: give bits per second from"
                f" {rate_label(LOWEST_BITRATE)} on, like 40k"
            )
    for scale in resolutions:
        if not 0 < scale <= 1:
            raise ComparisonError(
                f"resolution {scale:g} makes no sense: give shares of width and height above 0, at"
                " most 1"
            )
    for figure, value in targets.items():
        if not math.isfinite(value):
            raise ComparisonError(
                f"the target {figure}={value:g} makes no sense: give a value to reach, like vmaf=60"
            )


def _check_presets(presets: Mapping[str, str], names: Sequence[str]) -> None:
    for name, preset in presets.items():
        if name not in names:
            raise ComparisonError(
                f"a preset for {name!r}, which is not among the codecs {', '.join(names)}"
            )
        allowed = all_codecs()[name].presets
        if preset not in allowed:
            raise ComparisonError(
                f"{name} has no preset {preset!r}: choose from {', '.join(allowed)}"
            )


def _crfs(codec: Codec, crf: CrfChoice) -> tuple[float, ...]:
    if isinstance(crf, str):
        if crf != OWN_CRFS:
            raise ComparisonError(f"crf {crf!r} is none: give numbers, or {OWN_CRFS!r}")
        values: Sequence[float] = codec.default_crfs
    else:
        values = crf.get(codec.name, codec.default_crfs) if isinstance(crf, Mapping) else crf
    low, high = codec.crf_range
    for value in values:
        if not low <= value <= high or not math.isclose(
            (value / codec.crf_step) % 1, 0, abs_tol=1e-9
        ):
            steps = "whole numbers" if codec.crf_step == 1 else f"steps of {codec.crf_step:g}"
            raise ComparisonError(
                f"crf {value:g} is none of {codec.name}: it takes {low:g}..{high:g} in {steps};"
                f" --crf {codec.name}=… is for it alone"
            )
    return tuple(dict.fromkeys(float(value) for value in values))


def check_clips(clips: Sequence[Clip], settings: LadderSettings) -> None:
    """What only shows once the clips are known.  Raises ``ComparisonError``."""
    names = [clip.name for clip in clips]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ComparisonError(
            f"two clips are called {twice}: results are listed by name, so rename one, or give it"
            " once"
        )
    for clip in clips:
        uncompressed = clip.width * clip.height * 12 * clip.frames / clip.seconds
        for rate in settings.bitrates:
            if rate >= uncompressed:
                raise ComparisonError(
                    f"bitrate {rate_label(rate)} makes no sense for {clip.name}: uncompressed it"
                    f" takes {rate_label(round(uncompressed))}"
                )
        for scale in settings.resolutions:
            if min(clip.size(scale)) < SMALLEST_SIDE:
                raise ComparisonError(
                    f"{clip.name} at {scale:g} of its size is below {SMALLEST_SIDE} px a side"
                )


def choose_metrics(metrics: Mapping[str, Metric], names: Sequence[str] | None) -> list[Metric]:
    """Those asked for, which must be at hand, or all.  Raises ``ComparisonError``."""
    if names is None:
        return list(metrics.values())
    for name in names:
        if name not in metrics:
            raise ComparisonError(f"unknown metric {name!r}: choose from {', '.join(metrics)}")
        if (reason := metrics[name].missing()) is not None:
            raise ComparisonError(f"metric {name} cannot be measured: {reason}")
    return [metric for name, metric in metrics.items() if name in names]


def check_targets(targets: Mapping[str, float], metrics: Sequence[Metric]) -> dict[str, Figure]:
    """The figure of every target.  Raises ``ComparisonError`` for one that is not measured."""
    figures = {
        figure.name: figure
        for metric in metrics
        if metric.missing() is None
        for figure in metric.figures
    }
    for name in targets:
        if name not in figures:
            raise ComparisonError(
                f"no figure {name!r} to search for: choose from {', '.join(figures)}"
            )
    return {name: figures[name] for name in targets}
