"""Making a plan: one pass over the source that looks for keyframes and codes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path

from bitstream.container import Caption

from ..captions import check_share_of_gops
from ..encoder.chunk_store import source_identity
from ..encoder.finishing import FileParts
from ..encoder.pipeline import planned_chunks, sequence_header
from ..encoder.request import RateGoal, weights_sha256
from ..encoder.settings import EncoderSettings
from ..errors import OutputError
from ..media.copying import check_tracks
from ..media.frame_sink import OutputFile, check_target, output_errors
from ..media.options import SourceOptions
from ..media.source import SourceFrame, VideoSource
from ..models.bundle import ModelBundle
from ..models.default import DEFAULT_MODEL
from ..progress import Progress, ProgressCallback
from ..regions import fitted
from .plan import FarmPlan, PlannedChunk, PlannedFile, PlannedReading, PlannedSource
from .reading import chunk_checksum, frame_checksum


@dataclass(frozen=True)
class PlanRequest:
    """What is to be encoded, and how; as of ``videocodec.encode``.

    captions: words that go into the file.
    tries_scales: whether a trial chooses the scale of ``options`` and the crf of ``settings``.
    """

    source: Path
    settings: EncoderSettings
    goal: RateGoal
    model: str | Path = DEFAULT_MODEL
    perceptual: Path | None = None
    max_frames: int | None = None
    embed_model: bool = False
    options: SourceOptions = field(default_factory=lambda: SourceOptions(strict=False))
    keep_location: bool = False
    captions: tuple[Caption, ...] = ()
    tries_scales: bool = False


class _Observed:
    """The frames of a source on their way to whoever plans, and what is remembered of each."""

    def __init__(self, source: VideoSource, progress: ProgressCallback | None) -> None:
        self._source, self._progress = source, progress
        self.pts: list[int] = []
        self.durations: list[int] = []
        self.checksums: list[int] = []

    def __iter__(self) -> Iterator[SourceFrame]:
        seconds = 0.0
        for frame in self._source:
            self.pts.append(frame.pts)
            self.durations.append(frame.duration)
            self.checksums.append(frame_checksum(frame))
            yield frame
            seconds += float(frame.duration * self._source.time_base)
            if self._progress:
                hint = self._source.frame_count_hint
                self._progress(Progress(len(self.pts), hint, 0, seconds, 1, 1))


def make_plan(request: PlanRequest, progress: ProgressCallback | None = None) -> FarmPlan:
    """Plan an encode.  Raises what ``videocodec.encode`` raises before it codes anything."""
    bundle = ModelBundle.find(request.model)
    FileParts.files_of(bundle, attach=request.embed_model)
    request = _scaled(request, bundle)
    with VideoSource(
        request.source, max_frames=request.max_frames, options=request.options
    ) as video:
        if video.sequence is not None:
            video.sequence.check_sizes()
        check_tracks(video, strict=request.options.strict)
        identity = source_identity(request.source)
        header = sequence_header(video, bundle, request.settings)
        coded_size = header.width, header.height
        regions = fitted(request.settings.regions, video.full_size, coded_size)
        request = replace(request, settings=replace(request.settings, regions=regions))
        if header.frame_rate:
            check_share_of_gops(request.captions, header.gop_size / header.frame_rate)
        observed = _Observed(video, progress)
        planned = planned_chunks(observed, header, request.settings)
        chunks = [chunk for chunk in planned if chunk is not None]
        is_still, reading = video.is_still, _reading(request, video)
    starts = [0, *accumulate(chunk.frames for chunk in chunks)]
    return FarmPlan(
        source=PlannedSource(
            str(request.source.absolute()), identity.bytes, identity.sha256_of_ends
        ),
        model=PlannedFile(_place(request.model), bundle.sha256),
        perceptual=None
        if request.perceptual is None
        else PlannedFile(str(request.perceptual.absolute()), weights_sha256(request.perceptual)),
        settings=request.settings,
        goal=request.goal,
        max_frames=request.max_frames,
        embed_model=request.embed_model,
        is_still=is_still,
        reading=reading,
        header=header,
        chunks=tuple(
            PlannedChunk(
                chunk,
                observed.pts[start],
                sum(observed.durations[start:end]),
                chunk_checksum(observed.checksums[start:end]),
            )
            for chunk, (start, end) in zip(chunks, pairwise(starts), strict=True)
        ),
        captions=request.captions,
    )


def _scaled(request: PlanRequest, bundle: ModelBundle) -> PlanRequest:
    """The request with the scale and crf that a trial chose, if it is to."""
    if not request.tries_scales:
        return request
    from ..encoder.scale_trial import TrialSource, try_scales  # networks: only here

    source = TrialSource(request.source, request.options, request.max_frames)
    choice = try_scales(source, request.settings, request.goal, bundle)
    settings = replace(request.settings, crf=choice.crf)
    return replace(request, settings=settings, options=replace(request.options, scale=choice.scale))


def _reading(request: PlanRequest, video: VideoSource) -> PlannedReading:
    """``video``: after its last frame."""
    return PlannedReading(
        request.options,
        request.keep_location,
        tuple(video.conversions),
        tuple(video.notes),
        tuple(video.losses),
    )


def write_plan(plan: FarmPlan, target: Path, *, overwrite: bool) -> None:
    """Write a plan's file, whole or not at all.  Raises ``OutputError``, ``OutputExistsError``."""
    check_target(target, overwrite=overwrite)
    if target.suffix.lower() != ".json":
        raise OutputError(f"{target}: a plan is JSON: give a name that ends in .json")
    file = OutputFile(target, overwrite=overwrite)
    try:
        with output_errors(target):
            file.beside.write_text(plan.to_json())
        file.commit()
    finally:
        file.remove()


def _place(model: str | Path) -> str:
    """A folder by its whole path, a name as it is."""
    return str(Path(model).absolute()) if Path(model).is_dir() else str(model)
