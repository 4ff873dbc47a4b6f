"""``videocodec.encode``: a video file in, a latent-video file out."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from bitstream.formats import loop_networks
from bitstream.sequence_header import SequenceHeader

from ..captions import captions_of, check_share_of_gops
from ..cluster import LOCAL
from ..conversions import as_comment
from ..errors import SettingsError
from ..media.copying import check_tracks, copied_from
from ..media.options import SourceOptions, colour_of, rate_of
from ..media.source import VideoSource
from ..models.bundle import ModelBundle
from ..models.default import DEFAULT_MODEL
from ..presets import Preset
from ..progress import ProgressCallback
from ..regions import fitted, read_regions
from ..scaling import AUTO, scale_of
from . import compiled
from .chunk_store import source_identity
from .finishing import (
    FileParts,
    check_guard,
    guard_map,
    report_on,
    warnings_of_captions,
    warnings_of_draft,
    warnings_of_generation,
    write_file,
)
from .open_chunks import OpenChunks
from .pipeline import Encoding, VideoTask, planned_chunks, sequence_header
from .rates import outcome_at
from .report import EncodeReport
from .request import EncodeRequest, RateGoal
from .settings import DEFAULT_CRF, DEFAULT_GOP_SIZE, EncoderSettings, Tune, checked_tune
from .workshop import workshop


def encode(
    source: str | Path,
    target: str | Path,
    *,
    crf: int | None = None,
    bitrate: float | None = None,
    target_size: float | None = None,
    maxrate: float | None = None,
    preset: Preset = "medium",
    gop_size: int = DEFAULT_GOP_SIZE,
    generation: float | None = None,
    tune: Tune | None = None,
    guard: str | None = None,
    scale: float | str = 1,
    roi: str | Path | None = None,
    perceptual: str | Path | None = None,
    max_frames: int | None = None,
    model: str | Path = DEFAULT_MODEL,
    embed_model: bool = False,
    device: str = "auto",
    threads: int | None = None,
    jobs: int = 1,
    executor: str = LOCAL,
    resume: bool = False,
    strict: bool = False,
    to_sdr: bool = False,
    background: str | None = None,
    deinterlace: bool = False,
    fps: float | str | Fraction | None = None,
    keep_location: bool = False,
    caption: str | None = None,
    caption_file: str | Path | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> EncodeReport:
    """Encode any video or picture PyAV can decode into a latent-video file (MP4).

    source: a file, or pictures that are the frames: a pattern such as ``frames/%05d.png``, a folder
    or a glob, at ``fps`` frames per second (25 if None).

    Quality or size, one of them: crf 0..63, lower is better (28 if none is given); bitrate, bits
    per second of the video alone; target_size, bytes of the file without its sound and attached
    model.  The latter two take several passes.  maxrate: bits that no second of video exceeds, with
    any of them.  What cannot be reached is written as near as possible, with a warning in the
    report.

    preset: ultrafast to placebo, named as x264 does.
    gop_size: longest distance of keyframes in frames.
    max_frames: stop after so many.
    generation: what share of its error the model's UNet is trusted to leave in a block that is not
        sent but left to it to make up, 0..1; at 1 no block is.  None: presets from slow on run the
        UNet, if there is one, to find out block by block; others leave it none.
    tune: what pictures are aimed at: ``psnr``, ``ssim`` (structure), ``balanced`` between them,
        ``none`` for the source's latents, or ``perceptual``, which needs the weights below and is
        what they mean.  None: ``balanced`` for models of format version 2 and presets from medium
        on, ``none`` else.
    guard: ``"ssim=0.9"`` or ``"psnr=28"``: what every square of 64 px of every frame must have in
        the decoded picture (``encoder.square_measures``).  Squares that fall short are coded again
        finer until they hold; those that cannot are in the report's ``guard``, and in the file.
        It goes with neither maxrate nor a model with a UNet.  None for no guard.
    scale: 1, 0.75 or 0.5: code pictures at so much of their width and height; decoders show them at
        full size, those of half the size by a network of the model where it has one.  ``"auto"``:
        what a trial of a few frames finds best at equal bytes, with a crf to match where crf is
        what counts.  It does not go with guard.
    roi: a file of JSON with rectangles that are to be finer or coarser, by time (``regions``).
    perceptual: safetensors file with the weights of LPIPS with SqueezeNet 1.1 (Zhang et al. 2018).
        The encoder looks through it at what becomes of frames, with presets up to fast of keyframes
        only, and sends latents that look better for as many bytes, at a fifth of the speed.  None:
        it aims at the source's latents.
    model: a bundle's name or folder (``models.default.DEFAULT_MODEL``).
    embed_model: attach the bundle to the file, which then decodes where nobody has it.
    threads: CPU threads of the networks and of the encoder; the bytes do not depend on it.
    jobs: processes that share the work between keyframes; the bytes are the same for any number,
        and a script must call with ``jobs`` under ``if __name__ == "__main__"``.
    executor: ``ray`` or ``ray://HOST:PORT`` for ``jobs`` workers on a Ray cluster instead.
    progress: called after every access unit.

    target must end in .mp4 or .m4v, and appears under its name only when it is complete.  Until
    then finished parts, from keyframe to keyframe, are kept in the folder ``TARGET.chunks``; after
    an interruption ``resume`` goes on with them, if source and settings are the same, and gives the
    same bytes.

    Of a source that is damaged, what decodes is encoded, and the report's ``losses`` say what is
    missing; with strict it is refused.  More than 8 bits are dithered to 8.  to_sdr: tone-map HDR
    to SDR.  background: flatten transparent pictures onto a colour, such as "#000"; without these
    both are refused.  deinterlace: make whole pictures of interlaced frames (bwdif).  What was done
    is in the report's ``warnings`` and in the file, where ``info`` finds it.  keep_location: let
    the file say where it was recorded, if the source does.

    caption: words that say what is to be seen, for the whole video; caption_file: a file of lines
    such as ``1:02.5 a dog barks``, each for the time up to the next.  They go into the file, at
    most 1024 bytes a group of pictures, count as video, and condition the UNet of models that take
    words (``models.files.has_text_encoder``).

    Raises ``InputError`` (``UnsupportedInputError`` for HDR and alpha), ``OutputExistsError``,
    ``OutputError``, ``ContainerError`` for sound or subtitles that cannot be copied, before the
    first frame is coded, ``ResumeError``, ``UnknownModelError``, ``DeviceError``,
    ``OutOfMemoryError``, ``WorkerError``, and ``SettingsError`` (a ``ValueError``) for settings,
    ``RegionsError`` for those of roi.
    An exception after which there is something to resume says so in its notes (``__notes__``).
    """
    begin = time.monotonic()
    if sum(value is not None for value in (crf, bitrate, target_size)) > 1:
        raise SettingsError("crf, bitrate and target_size exclude each other: give one")
    settings = EncoderSettings(
        crf=DEFAULT_CRF if crf is None else crf,
        preset=preset,
        gop_size=gop_size,
        generation=generation,
        tune=checked_tune(tune, brings_weights=perceptual is not None),
        guard=guard,
        regions=() if roi is None else read_regions(Path(roi)),
    )
    if guard is not None and maxrate is not None:
        raise SettingsError("guard and maxrate exclude each other: give one")
    wanted = scale_of(scale)
    if guard is not None and wanted != 1:
        raise SettingsError("guard and scale exclude each other: give one")
    request = EncodeRequest(
        source=Path(source),
        target=Path(target),
        settings=settings,
        goal=RateGoal.checked(bitrate, target_size, maxrate),
        perceptual=None if perceptual is None else Path(perceptual),
        max_frames=max_frames,
        model=model,
        embed_model=embed_model,
        device=device,
        threads=threads,
        jobs=jobs,
        executor=executor,
        resume=resume,
        overwrite=overwrite,
        options=SourceOptions(
            strict=strict,
            to_sdr=to_sdr,
            background=None if background is None else colour_of(background),
            deinterlace=deinterlace,
            fps=None if fps is None else rate_of(fps),
            scale=1.0 if wanted == AUTO else wanted,
        ),
        tries_scales=wanted == AUTO,
        keep_location=keep_location,
        captions=captions_of(caption, caption_file),
    )
    return _encode(request, progress, begin)


def _encode(
    request: EncodeRequest, progress: ProgressCallback | None, begin: float
) -> EncodeReport:
    """``begin``: by ``time.monotonic``."""
    request.check_target()
    bundle = ModelBundle.find(request.model)
    if loop_networks(bundle.tables) is not None:
        compiled.kernels()  # which load while the source is opened
    check_guard(request.settings, bundle)
    attached = FileParts.files_of(bundle, attach=request.embed_model)
    request, scaled = _scaled(request, bundle)
    with VideoSource(
        request.source, max_frames=request.max_frames, options=request.options
    ) as video:
        if video.sequence is not None:
            video.sequence.check_sizes()
        check_tracks(video, strict=request.options.strict)
        header = sequence_header(video, bundle, request.settings)
        coded_size = header.width, header.height
        regions = fitted(request.settings.regions, video.full_size, coded_size)
        request = replace(request, settings=replace(request.settings, regions=regions))
        parts = FileParts(
            copied_from(video),
            source_identity(request.source).bytes,  # now: in the end it may be gone
            request.max_frames is not None,
            header,
            bundle,
            attached,
            may_end=not request.options.strict,
            captions=request.captions,
            shown_size=None if request.options.scale == 1 else video.full_size,
        )
        if header.frame_rate:
            check_share_of_gops(request.captions, header.gop_size / header.frame_rate)
        with workshop(request, bundle, header) as (workers, store):
            encoding = Encoding(workers, store, _task(request, video, header), progress)
            outcome = outcome_at(request.goal, encoding, header.time_base, request.captions_bytes)
            guarded = guard_map(outcome, header, request.settings)
            labels = request.labels_of(video).with_comment(
                as_comment(video.conversions) + ([guarded.as_comment()] if guarded else [])
            )
            parts = replace(parts, labels=labels)
            written = write_file(request.target, parts, outcome, store)
            losses = video.losses + written.problems
            store.discard()
    notes = [f"{request.source}: {note}" for note in video.notes]
    return report_on(
        request.target,
        parts,
        outcome,
        begin=begin,
        written=replace(
            written, skipped_tracks=written.skipped_tracks + labels.lost, problems=losses
        ),
        guard=None if guarded is None else guarded.findings(),
        warnings=[
            *notes,
            *scaled,
            *warnings_of_draft(header),
            *warnings_of_captions(request.captions, bundle),
            *warnings_of_generation(request.settings.generation, bundle),
        ],
    )


def _scaled(request: EncodeRequest, bundle: ModelBundle) -> tuple[EncodeRequest, list[str]]:
    """The request with the scale and crf that a trial chose, if it is to, and what to say of it."""
    if not request.tries_scales:
        return request, []
    # networks: not for those who only plan and write
    from .scale_trial import TrialSource, try_scales

    choice = try_scales(
        TrialSource(request.source, request.options, request.max_frames),
        request.settings,
        request.goal,
        bundle,
        device=request.device,
        threads=request.threads,
    )
    settings = replace(request.settings, crf=choice.crf)
    options = replace(request.options, scale=choice.scale)
    return replace(request, settings=settings, options=options), [choice.sentence]


def _task(request: EncodeRequest, video: VideoSource, header: SequenceHeader) -> VideoTask:
    hints = (video.frame_count_hint, request.max_frames)
    return VideoTask(
        planned_chunks(video, header, request.settings),
        request.settings,
        header.time_base,
        min((count for count in hints if count), default=None),
        request.goal.maxrate,
        # What is finished already is told by whole chunks.
        None if request.resume else OpenChunks.of(video, header, request.settings),
    )
