"""``--scale auto``: a few frames coded at every scale, decoded, and measured at full size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bitstream.access_unit import AccessUnit
from bitstream.formats import format_of
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader

from ..decoded import QUANTISER_STEPS, QuantiserMaps
from ..judges.structure_scales import LUMA
from ..media.options import SourceOptions
from ..media.source import SourceFrame, VideoSource
from ..models.bundle import ModelBundle
from ..models.files import has_upscaler
from ..models.picture_makers import FloatPictures, PictureMaker
from ..models.post_filter import filtered
from ..presets import PRESETS
from ..scaling import RgbArray, coded_size, is_for_twice, magnified, shrunk
from .chunk_coder import ChunkCoder, ChunkTask, CodedChunk, CodingPlan
from .chunks import Chunk
from .coding_networks import CodingNetworks
from .float_upscaler import FloatUpscaler
from .picture_losses import lost_structure
from .pipeline import sequence_header
from .request import RateGoal
from .scale_choice import ScaleChoice, TrialGoal, TrialPoint, chosen_scale
from .settings import EncoderSettings

FRAMES = 17  # a keyframe and a group
_PRESET = "veryfast"
_MIDDLE = np.float32(127.5)  # of grey levels
_LATEST_SECONDS = 10  # into a video
_USUAL_RATE, _USUAL_SECONDS = Fraction(25), 10  # of a video that does not say


class _Enlarger(Protocol):
    """Makes pictures of twice the width and height."""

    def picture(self, decoded: RgbArray, steps: npt.NDArray[np.float32]) -> RgbArray:
        """As ``models.upscaling.Upscaling``."""


@dataclass(frozen=True)
class TrialSource:
    """path, options, max_frames: as of the encode."""

    path: Path
    options: SourceOptions
    max_frames: int | None

    def opened(self) -> VideoSource:
        """At full size."""
        options = replace(self.options, scale=1.0)
        return VideoSource(self.path, max_frames=self.max_frames, options=options)


def try_scales(
    video: TrialSource,
    settings: EncoderSettings,
    rate: RateGoal,
    bundle: ModelBundle,
    *,
    device: str = "auto",
    threads: int | None = None,
) -> ScaleChoice:
    """Which scale suits a video, at what crf; arguments as of the encode.

    Raises what reading the source and loading the model raise.
    """
    with video.opened() as source:
        per_second = source.frame_rate or _USUAL_RATE
        count = source.frame_count_hint or video.max_frames or round(_USUAL_SECONDS * per_second)
        latest = round(_LATEST_SECONDS * per_second)
        source.skip(min(max(0, count - FRAMES) // 3, latest))
        frames = list(islice(source, FRAMES))
        header = sequence_header(source, bundle, settings)
    goal = TrialGoal(settings, rate, count, float(count / per_second))
    networks = CodingNetworks(bundle, device, threads)
    return chosen_scale(ScaleTrial(frames, header, goal, networks).points, goal)


def _makers(networks: CodingNetworks) -> tuple[PictureMaker, _Enlarger | None]:
    """What decoders show pictures by, of the size of the file and of twice that where the model has
    a network for it: without PyTorch where latents do without.
    """
    folder = networks.bundle.folder
    if not networks.needs_pytorch:
        enlarger = FloatUpscaler.of(folder)
        if enlarger is not None or not has_upscaler(folder):
            return networks.maker(), enlarger
    from ..models.upscaling import Upscaling

    runtime = networks.autoencoder
    twice = Upscaling(folder, runtime.device.type) if has_upscaler(folder) else None
    return FloatPictures(runtime), twice


class ScaleTrial:
    """The frames of a trial, coded as often as is asked.

    frames: at full size.  header: of the stream at that size.
    """

    def __init__(
        self,
        frames: list[SourceFrame],
        header: SequenceHeader,
        goal: TrialGoal,
        networks: CodingNetworks,
    ) -> None:
        self._frames, self._header, self._networks = frames, header, networks
        preset = PRESETS[min(PRESETS.index(_PRESET), PRESETS.index(goal.settings.preset))]
        self._settings = replace(goal.settings, preset=preset, regions=())
        keyframes = math.ceil(goal.frames / goal.settings.gop_size)
        self._keyframes, self._others = keyframes, max(0, goal.frames - keyframes)
        maker, self._enlarger = _makers(networks)
        self._whole = filtered(maker.whole, networks.bundle.folder)

    def points(self, scale: float, crfs: Sequence[int]) -> list[TrialPoint]:
        """What a scale comes to at some crfs."""
        size = coded_size((self._header.width, self._header.height), scale)
        header = replace(self._header, width=size[0], height=size[1])
        frames = [replace(frame, rgb=shrunk(frame.rgb, size)) for frame in self._frames]
        plans = tuple(CodingPlan(replace(self._settings, crf=crf)) for crf in crfs)
        task = ChunkTask(Chunk(0, 0, len(frames), is_last=True), plans)
        coded = ChunkCoder(self._networks, header).code(task, lambda _: frames)
        return [self._point(header, *each) for each in zip(crfs, coded, strict=True)]

    def _point(self, header: SequenceHeader, crf: int, chunk: CodedChunk) -> TrialPoint:
        key, *others = (unit.size for unit in chunk.units)
        of_one = sum(others) / max(1, len(self._frames) - 1)
        measured = [
            _qualities(picture, frame.rgb)
            for picture, frame in zip(self._pictures(header, chunk), self._frames, strict=True)
        ]
        # Keyframes are finer than the others, and a video has few of them.
        counted = measured[1:] if self._others and others else measured
        return TrialPoint(
            crf,
            math.log2(self._keyframes * key + self._others * of_one),
            tuple(float(value) for value in np.mean(counted, axis=0)),
        )

    def _pictures(self, header: SequenceHeader, chunk: CodedChunk) -> Iterator[RgbArray]:
        """What a decoder shows of a chunk."""
        tables = self._networks.bundle.tables
        bits = format_of(header.format_version).vector_fraction_bits
        decoder, maps = LatentDecoder(tables), QuantiserMaps(header.block_latents, bits)
        full = self._header.width, self._header.height
        enlarger = self._enlarger if is_for_twice((header.width, header.height), full) else None
        for data in chunk.access_units():
            unit = AccessUnit.parse(data)
            frames = decoder.decode(unit)
            for frame, quantisers in zip(frames, maps.of(unit, frames), strict=True):
                picture = self._whole(frame.latents, quantisers, header.height, header.width)
                if enlarger is not None:
                    picture = enlarger.picture(picture, QUANTISER_STEPS[quantisers])
                yield magnified(picture, full)


def _qualities(picture: RgbArray, source: RgbArray) -> tuple[float, float]:
    """PSNR of RGB in dB, and −log2 of the structure that is lost."""
    error = float(np.square(picture.astype(np.float32) - source).mean())
    weights = np.array(LUMA, np.float32)
    lost, _ = lost_structure(picture @ weights - _MIDDLE, source @ weights - _MIDDLE)
    return 10 * math.log10(255**2 / max(error, 1e-3)), -math.log2(max(lost, 1e-6))
