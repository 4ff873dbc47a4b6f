"""``videocodec.calibrate``: a diffusers model in, a model bundle out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers.models.modeling_utils import ModelMixin

from bitstream.container import Unfinished

from ..checks import check_whole_number
from ..errors import OutputError, OutputExistsError, SettingsError, UnknownModelError
from ..models.autoencoders import latent_channels, latents_of
from ..models.bundle import ModelBundle
from ..models.description import CALIBRATION_RECORD
from ..models.files import TABLES_FILE
from ..models.loading import load_denoiser
from ..models.prompt import empty_prompt
from ..models.single_files import is_single_file, source_files, unpack
from ..models.source import ModelSource
from ..models.stock_denoiser import Conditioning, prompt_width
from ..models.threads import set_threads
from ..training.budget import Budget
from ..version import __version__
from .clips import clip_files
from .fitting import FittingSettings, fit_bundle, read_pictures

_LARGEST_PICTURE = 512  # px a side; an autoencoder of Stable Diffusion takes seconds for more


@dataclass(frozen=True)
class CalibrationReport:
    """What a calibration made: the bundle's folder and identity, latent channels, pictures and
    clips it was fitted on (0 clips: pictures under a virtual camera), wall-clock seconds, what its
    owner should know, a line each, and whether errors count by the autoencoder's own variances,
    with what that takes ("" of one without variances).
    """

    bundle: str
    sha256: str
    latent_channels: int
    pictures: int
    clips: int
    calibration_seconds: float
    notes: list[str]
    certainty: str = ""


def calibrate(
    source: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    images: str | Path,
    clips: str | Path | None = None,
    minutes: float = 4.0,
    training_steps: int | None = None,
    picture_count: int = 80,
    clip_frames: int = 33,
    words: bool = False,
    family: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    log: Callable[[str], None] | None = None,
) -> CalibrationReport:
    """Make a bundle of a diffusers autoencoder, with or without a UNet: fit its scale, phase
    filters, context networks and tables.

    source: folder of a pipeline or of an autoencoder; a safetensors file of Stable Diffusion's
    kin, or TAESD's two; or the name ``org/name`` of a model on the Hugging Face hub, which is
    downloaded only if there is no such folder or file.
    output: the folder to make; it appears when it is complete.
    images: folder of photographs, those below 80 px a side left out.
    clips: folder of videos to fit inter frames on; without it a camera over photographs is made up.
    minutes: for fitting the context networks; running the autoencoder comes on top.
    training_steps: in place of minutes; makes the same bundle every time on one machine.
    words: keep the pipeline's text encoder, so that captions of streams condition the UNet.
    family: of a file, one of ``models.single_files.FAMILIES``; without it told from its tensors.
    picture_count, clip_frames: how much is used at most.
    log: called with a line on every step.

    Raises ``UnknownModelError``, ``InputError`` for folders without pictures or clips,
    ``OutputExistsError``, ``OutputError``, ``SettingsError``, ``DeviceError``, ``OutOfMemoryError``
    """
    begin, budget = time.monotonic(), _budget(minutes, training_steps)
    check_whole_number("picture_count", picture_count, 1)
    check_whole_number("clip_frames", clip_frames, 2)
    settings = FittingSettings(budget, clip_frames, device, threads)
    set_threads(threads)
    output, say = Path(output), log or (lambda line: None)
    _check_output(output, overwrite)
    pictures = read_pictures([Path(images)], picture_count, _LARGEST_PICTURE)
    videos = None if clips is None else clip_files(Path(clips))
    if family is not None and not is_single_file(source):
        raise SettingsError("family is of single files: a folder has its configurations")
    if words and is_single_file(source):
        raise SettingsError("words need a pipeline's folder with its text encoder, not a file")
    origin = None if is_single_file(source) else ModelSource.find(str(source))
    for place in [origin.folder] if origin else source_files(source):
        _check_apart(place, output)
    with _workshop(output) as workshop:
        making = workshop.path / output.absolute().name
        if origin:
            channels, notes = _install(origin, making, say)
        else:
            origin, channels, notes = _install_file(source, family, making, say)
        if words:
            origin.install_text_encoder(making)
        certainty = fit_bundle(making, pictures, videos, settings, say)
        if origin.has_unet:
            load_denoiser(making, channels)
        report = CalibrationReport(
            bundle=str(output),
            sha256=ModelBundle(making.name, making).sha256,
            latent_channels=channels,
            pictures=len(pictures),
            clips=len(videos or []),
            calibration_seconds=time.monotonic() - begin,
            notes=notes,
            certainty=str(certainty or ""),
        )
        _write_record(report, " ".join(map(str, source_files(source))), making / CALIBRATION_RECORD)
        _put_in_place(making, output)
    return report


def _write_record(report: CalibrationReport, source: str, file: Path) -> None:
    """Write how the bundle was made, less what its identity follows from."""
    record = asdict(report) | {"source": source, "videocodec": __version__}
    del record["bundle"], record["sha256"]
    if not report.certainty:  # nothing was measured
        del record["certainty"]
    file.write_text(json.dumps(record, indent=2) + "\n")


def _budget(minutes: float, training_steps: int | None) -> Budget:
    """For the context networks.  Raises ``SettingsError``."""
    if not minutes > 0:
        raise SettingsError(f"minutes must be above 0, got {minutes}")
    if training_steps is None:
        return Budget(minutes=minutes)
    check_whole_number("training_steps", training_steps, 1)
    return Budget(steps=training_steps)


def _install(
    origin: ModelSource, making: Path, say: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Write the networks into the folder to be made → latent channels, and notes for its owner.

    The networks, which may be most of the memory, are let go of: what follows loads what it needs.
    """
    autoencoder = origin.load_autoencoder()
    channels = latent_channels(autoencoder)
    assert channels is not None  # which ``load_autoencoder`` has checked
    unet = origin.load_unet(channels) if origin.has_unet else None
    say(
        f"{origin.folder}: {type(autoencoder).__name__}, {channels} latent channels"
        + (f", {type(unet).__name__}" if unet else "")
    )
    origin.install(making, autoencoder)
    notes = origin.notes
    if unet is not None:
        notes.append(add_conditioning(making, autoencoder, unet, origin.folder))
    return channels, notes


def _install_file(
    source: str | Path | Sequence[str | Path],
    family: str | None,
    making: Path,
    say: Callable[[str], None],
) -> tuple[ModelSource, int, list[str]]:
    """The same of a file, by way of a folder that goes when the bundle is in its place; what is
    said of that folder is said of the file.
    """
    file = str(source_files(source)[0])
    unpacked = unpack(source, making.with_name("unpacked"), family)
    folder = str(unpacked.folder)
    origin = ModelSource.find(folder)
    say(f"{file}: {unpacked.family or 'by the configuration beside it'}")
    try:
        channels, notes = _install(origin, making, lambda line: say(line.replace(folder, file)))
    except UnknownModelError as error:
        raise UnknownModelError(str(error).replace(folder, file)) from error
    return origin, channels, unpacked.notes + [note.replace(folder, file) for note in notes]


def add_conditioning(
    making: Path, autoencoder: ModelMixin, unet: ModelMixin, pipeline: Path
) -> str:
    """Write what the UNet wants besides latents → a line on where it is from."""
    prompt, note = empty_prompt(pipeline, prompt_width(unet))
    with torch.inference_mode():
        latents = latents_of(autoencoder, torch.zeros(1, 3, 64, 64))[0, :, 2:-2, 2:-2].mean((1, 2))
    shift, factor = (
        autoencoder.config.get(key) or usual
        for key, usual in (("shift_factor", 0.0), ("scaling_factor", 1.0))
    )
    Conditioning(prompt, (latents - shift) * factor).save(making / "unet")
    return note


def _check_output(output: Path, overwrite: bool) -> None:
    if not output.exists():
        return
    if not overwrite:
        raise OutputExistsError(f"{output} exists: pass -y to overwrite")
    # Whatever else a folder holds is not ours to delete.
    if not output.is_dir() or (any(output.iterdir()) and not (output / TABLES_FILE).is_file()):
        raise OutputError(f"{output}: exists and is no model bundle: name another output")


def _check_apart(source: Path, output: Path) -> None:
    source_path, output_path = source.resolve(), output.resolve()
    if (
        source_path == output_path
        or source_path in output_path.parents
        or output_path in source_path.parents
    ):
        raise OutputError(
            f"{output}: the bundle must be apart from the folder it is made of: name another output"
        )


def _workshop(output: Path) -> Unfinished:
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    try:
        return Unfinished(output.absolute(), folder=True)
    except OSError as error:
        raise OutputError(
            f"{output}: cannot be made ({error.strerror}): check the disk and the name"
        ) from error


def _put_in_place(making: Path, output: Path) -> None:
    try:
        if output.exists():
            output.absolute().rename(making.with_name("replaced"))  # goes with the temporary folder
        making.rename(output.absolute())
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
