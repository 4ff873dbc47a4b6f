"""Whether errors of latents should count by the variances that their autoencoder gives them: clips
coded with and without, and the decoded pictures compared at equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.tables import CodecTables

from ..decoded import QUANTISER_STEPS
from ..decoder.unit_decoder import UnitDecoder
from ..encoder.certainty import certainty
from ..encoder.frame_encoder import EncoderHelpers
from ..encoder.frame_plan import EncoderFrame
from ..encoder.group_encoder import GroupEncoder
from ..encoder.motion import MotionSearch
from ..encoder.settings import EncoderSettings
from ..judges.structure import lost_structure
from ..ladder.curves import Curve, bd_rate
from ..models.runtime import AutoencoderRuntime
from .inter import ClipFrames

STRENGTHS = (0.25, 0.5, 1.0)
CRFS = (24, 34, 44, 54)
TRIAL_CLIPS, TRIAL_FRAMES = 4, 5  # a keyframe and one group
_LEAST_GAIN = 0.5  # percent of bytes; less is within what the choice of clips makes
_TINY = 1e-9


@dataclass(frozen=True)
class CertaintyTrial:
    """What a strength takes: percent of bytes more (less, if negative) than without, at equal
    squared error of RGB and at equal structure of luma, geometric means over the clips.
    """

    strength: float
    squared_error: float
    structure: float

    @property
    def mean(self) -> float:
        """Of both."""
        return _mean([self.squared_error, self.structure])

    @property
    def pays(self) -> bool:
        """Whether it gains enough, and loses in neither."""
        return self.mean <= -_LEAST_GAIN and max(self.squared_error, self.structure) <= 0

    def __str__(self) -> str:
        return (
            f"{self.squared_error:+.1f} % of bytes at equal squared error and"
            f" {self.structure:+.1f} % at equal structure with strength {self.strength:g}"
        )


@dataclass(frozen=True)
class CertaintyChoice:
    """What was measured, on how many clips; strength: the one that pays most, 0 for none."""

    trials: tuple[CertaintyTrial, ...]
    clips: int

    @property
    def strength(self) -> float:
        """For the bundle."""
        paying = [trial for trial in self.trials if trial.pays]
        return min(paying, key=lambda trial: trial.mean).strength if paying else 0.0

    def __str__(self) -> str:
        """For its owner."""
        switch = f"on, strength {self.strength:g}" if self.strength else "off"
        clips = f"{self.clips} clip{'s' if self.clips > 1 else ''}"
        found = "; ".join(map(str, self.trials)) or "no curves to compare"
        return f"{switch} ({found}; {clips})"


def choose_certainty(
    tables: CodecTables,
    runtime: AutoencoderRuntime,
    clips: Sequence[ClipFrames],
    log: Callable[[str], None],
) -> CertaintyChoice:
    """Code clips, whose frames come with their pictures, with every strength → which to take.

    The autoencoder gives variances (``models.autoencoders.gives_variance``).
    """
    found: dict[float, list[tuple[float, float]]] = {strength: [] for strength in STRENGTHS}
    for clip in clips:
        variances = _log_variances(runtime, clip)
        plain = _curves(tables, runtime, clip)
        for strength in STRENGTHS:
            weighted = _weighted(clip, variances, strength)
            tested = _curves(tables, runtime, weighted)
            squared, structure = (bd_rate(*pair).value for pair in zip(tested, plain, strict=True))
            if squared is not None and structure is not None:
                found[strength].append((squared, structure))
    trials = [
        CertaintyTrial(strength, *(_mean(column) for column in zip(*deltas, strict=True)))
        for strength, deltas in found.items()
        if deltas
    ]
    choice = CertaintyChoice(tuple(trials), len(clips))
    log(f"certainty of the autoencoder: {choice}")
    return choice


def _log_variances(runtime: AutoencoderRuntime, clip: ClipFrames) -> list[npt.NDArray[np.float32]]:
    """Of every frame (C, h, w)."""
    size, found = (clip.header.padded_height, clip.header.padded_width), []
    for frame in clip.frames:
        assert frame.picture is not None  # says ``choose_certainty``
        variance = runtime.encode_with_variance(frame.picture[None], *size)[1]
        assert variance is not None  # says ``choose_certainty`` too
        found.append(variance[0])
    return found


def _weighted(
    clip: ClipFrames, variances: Sequence[npt.NDArray[np.float32]], strength: float
) -> ClipFrames:
    pairs = zip(clip.frames, variances, strict=True)
    frames = [replace(frame, certainty=certainty(one, strength)) for frame, one in pairs]
    return replace(clip, frames=frames)


def _curves(
    tables: CodecTables, runtime: AutoencoderRuntime, clip: ClipFrames
) -> tuple[Curve, Curve]:
    """Quality by squared error and by structure, over bytes."""
    points = [_coded(tables, runtime, clip, crf) for crf in CRFS]
    return (
        Curve.of((size, -10 * np.log10(max(squared, _TINY))) for size, squared, _ in points),
        Curve.of((size, -10 * np.log10(max(structure, _TINY))) for size, _, structure in points),
    )


def _coded(
    tables: CodecTables, runtime: AutoencoderRuntime, clip: ClipFrames, crf: int
) -> tuple[float, float, float]:
    """Bytes, squared error of RGB and structure that is lost, means over the frames."""
    settings, header = EncoderSettings(crf=crf), replace(clip.header, crf=crf)
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    helpers = EncoderHelpers(runtime.bundle.sensitivity)
    encoder = GroupEncoder(tables, header, settings, search, helpers=helpers)
    units = [unit for frame in clip.frames for unit in encoder.push(frame)] + encoder.finish()
    decoder, lost = UnitDecoder(tables, header.block_latents), []
    sizes = [len(unit.to_bytes()) for unit in units]
    decoded = [
        frame
        for unit, size in zip(units, sizes, strict=True)
        for frame in decoder.decode(unit, size)
    ]
    for frame, source in zip(decoded, clip.frames, strict=True):
        picture = runtime.decode(
            frame.latent.latents[None],
            QUANTISER_STEPS[frame.quantiser_map][None],
            header.height,
            header.width,
        )
        lost.append(_lost(picture[0], source))
    squared, structure = np.mean(lost, axis=0)
    return float(sum(sizes)), float(squared), float(structure)


def _lost(picture: npt.NDArray[np.uint8], source: EncoderFrame) -> tuple[float, float]:
    assert source.picture is not None  # says ``choose_certainty``
    a, b = (
        torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 127.5 - 1
        for rgb in (picture, source.picture)
    )
    return float((a - b).square().mean()), float(lost_structure(a, b)[0])


def _mean(percents: Sequence[float]) -> float:
    """The geometric mean of changes in percent."""
    return float(100 * (np.exp(np.mean(np.log1p(np.array(percents) / 100))) - 1))
