"""Model bundles: a folder in the diffusers pipeline layout plus the codec tables.

Nothing here imports torch at the top, so that ``info`` and ``verify`` read streams without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from bitstream.formats import load_tables, state_parts
from bitstream.model_identity import model_sha256
from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v1.tables import TENSOR_ERRORS, CodecTables, TablesError
from bitstream.v2.tables import LevelTables

from ..errors import UnknownModelError
from .diffusion_units import LARGEST_FACTOR, diffusion_units
from .files import BUNDLES, TABLES_FILE, bundle_files, is_bundle, names_in
from .hub import BUNDLE_FILES, BUNDLE_INDEX, fetch, is_hub_name

if TYPE_CHECKING:
    from diffusers import DDIMScheduler
    from diffusers.models.modeling_utils import ModelMixin

    from ..networks.own_autoencoders import OwnAutoencoder
    from .denoiser import Denoiser

USER_FOLDER_VARIABLE = "VIDEOCODEC_MODELS"
PICKLES = {".bin", ".pt", ".pth", ".ckpt"}

_NOT_CALIBRATED = (
    "not calibrated for this codec: run videocodec models calibrate {} --images DIR --output BUNDLE"
    " and give that BUNDLE"
)


def user_folder() -> Path:
    """Where a user's bundles lie: $VIDEOCODEC_MODELS, or ``videocodec/models`` where the platform
    keeps data of programs.
    """
    if chosen := os.environ.get(USER_FOLDER_VARIABLE):
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "videocodec" / "models"


@dataclass(frozen=True)
class ModelBundle:
    """One model: where it lies and what it is called."""

    name: str
    folder: Path

    @classmethod
    def find(cls, name_or_folder: str | Path) -> ModelBundle:
        """The bundle of that name in the package or in the user's folder, the one in that folder,
        or, only where there is none of these, the one called ``org/name`` on the hub.  Raises
        ``UnknownModelError``.
        """
        text = str(name_or_folder)
        for folder in (BUNDLES / text, user_folder() / text, Path(text)):
            if is_bundle(folder):
                return cls._checked(folder.resolve().name, folder.resolve())
        folder = Path(text)
        if folder.is_dir():
            if any(
                (folder / file).is_file()
                for file in ("config.json", "model_index.json", "vae/config.json")
            ):
                raise UnknownModelError(f"{text}: {_NOT_CALIBRATED.format(text)}")
            raise UnknownModelError(
                f"{text}: no {TABLES_FILE} in this folder: make a bundle with videocodec models"
                " calibrate"
            )
        if folder.is_file():
            raise UnknownModelError(
                f"{text}: a model is a folder in diffusers' layout, and this is a file"
            )
        if not is_hub_name(text):
            raise UnknownModelError(
                f"unknown model {text!r}: choose one of {', '.join(available())} or the folder of a"
                " bundle"
            )
        return cls._from_hub(text)

    @classmethod
    def _from_hub(cls, name: str) -> ModelBundle:
        instead = (
            f"put the bundle's model_index.json, {TABLES_FILE}, vae/config.json and"
            " vae/diffusion_pytorch_model.safetensors, with unet/ and scheduler/ if it has them,"
            f" into {user_folder() / name}"
        )
        # The tables first: nobody wants gigabytes of networks to read then that they are not
        # calibrated.
        if not (fetch(name, BUNDLE_INDEX, instead) / TABLES_FILE).is_file():
            raise UnknownModelError(f"{name}: {_NOT_CALIBRATED.format(name)}")
        return cls._checked(name.rpartition("/")[2], fetch(name, BUNDLE_FILES, instead))

    @classmethod
    def _checked(cls, name: str, folder: Path) -> ModelBundle:
        pickles = [f.name for f in folder.rglob("*") if f.suffix in PICKLES]
        if pickles:
            raise UnknownModelError(
                f"{folder}: refusing pickled weights ({pickles[0]}): convert them to safetensors"
            )
        if TABLES_FILE not in bundle_files(folder):
            raise UnknownModelError(f"{folder}: {_NOT_CALIBRATED.format(folder)}")
        return cls(name, folder)

    @cached_property
    def sha256(self) -> str:
        """Identity of the model: SHA-256 over the names and contents of all files that decoding
        depends on, 64 hex digits.
        """
        return model_sha256((name, file.stat().st_size, _pieces(file)) for name, file in self.files)

    @property
    def files(self) -> list[tuple[str, Path]]:
        """All files that decoding depends on, in order: their names in the bundle, with slashes,
        and where they lie.  Raises ``UnknownModelError`` where they cannot be found.
        """
        return list(bundle_files(self.folder).items())

    @property
    def tables_file(self) -> Path:
        """Where the codec tables lie, or should."""
        return bundle_files(self.folder).get(TABLES_FILE, self.folder / TABLES_FILE)

    @cached_property
    def tables(self) -> CodecTables | LevelTables:
        """The integer tables.  Raises ``TablesError`` if damaged, or for keyframes alone."""
        tables = load_tables(self.tables_file)
        try:
            state_parts(tables)
        except TablesError as error:
            raise TablesError(f"{self.tables_file}: {error}: choose another model") from error
        return tables

    @cached_property
    def latent_scale(self) -> npt.NDArray[np.float32]:
        """(C,) float32: scaled latent = latent · latent_scale."""
        scale = self._tensor("latent_scale")
        if scale is None:
            raise UnknownModelError(
                f"{self.tables_file}: no latent_scale in it: calibrate this bundle again"
            )
        return self._checked_channels("latent_scale", scale)

    @cached_property
    def sensitivity(self) -> np.ndarray:
        """(C,) float32, mean 1: what an error in each channel does to the picture, for encoders;
        ones where it was not measured.
        """
        measured = self._tensor("sensitivity")
        return (
            np.ones_like(self.latent_scale)
            if measured is None
            else self._checked_channels("sensitivity", measured)
        )

    @cached_property
    def certainty_strength(self) -> float:
        """0..1: how much errors count by the autoencoder's own variances in an encoder
        (``encoder.certainty``); 0 for not at all, and where it was not measured.  Raises
        ``UnknownModelError``.
        """
        measured = self._tensor("certainty_strength")
        if measured is None:
            return 0.0
        if measured.shape != (1,) or measured.dtype.kind != "f" or not 0 <= measured[0] <= 1:
            raise UnknownModelError(
                f"{self.tables_file}: certainty_strength must be one number in 0..1: calibrate this"
                " model again"
            )
        return float(measured[0])

    @cached_property
    def diffusion_units(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift (C,) float32: a denoiser works on (scaled latents - shift) · scale, of
        about unit variance, which are what diffusers' pipelines make of the autoencoder's latents.
        Raises ``UnknownModelError``.
        """
        return diffusion_units(self.folder / "vae" / "config.json", self.latent_scale)

    def load_autoencoder(self) -> OwnAutoencoder | ModelMixin:
        """The autoencoder in ``vae/``, on the CPU in float32, evaluation mode; one of the
        project's own as bare torch modules.  Raises ``UnknownModelError``.
        """
        from .autoencoders import load_autoencoder

        return load_autoencoder(self.folder)

    @property
    def has_unet(self) -> bool:
        """Whether there is a network that restores latents."""
        return (self.folder / "unet" / "config.json").is_file()

    def load_denoiser(self) -> Denoiser:
        """The network in ``unet/`` as a denoiser, on the CPU in float32.  Raises
        ``UnknownModelError``.
        """
        from .loading import load_denoiser

        return load_denoiser(self.folder, len(self.latent_scale))

    def load_scheduler(self) -> DDIMScheduler:
        """The noise schedule of ``scheduler/``, as a DDIM scheduler.  Raises
        ``UnknownModelError``.
        """
        from .loading import load_scheduler

        return load_scheduler(self.folder)

    @cached_property
    def timesteps(self) -> np.ndarray:
        """(128,) int64: the timestep whose noise is as strong as each quantiser's error.

        Raises ``UnknownModelError``.
        """
        timesteps = self._tensor("timesteps")
        if timesteps is None:
            raise UnknownModelError(
                f"{self.tables_file}: no timesteps: calibrate this bundle again"
            )
        if (
            timesteps.shape != (QUANTISER_COUNT,)
            or timesteps.dtype.kind not in "iu"
            or timesteps.min() < 0
            or timesteps.max() > 0xFFFF
        ):
            raise UnknownModelError(
                f"{self.tables_file}: timesteps must be {QUANTISER_COUNT} integers in 0..{0xFFFF}"
            )
        return timesteps.astype(np.int64)

    def _tensor(self, name: str) -> np.ndarray | None:
        """A tensor of the tables file, None if it is not there.  Raises ``UnknownModelError``."""
        try:
            with safe_open(str(self.tables_file), "numpy") as file:
                return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118  (no mapping)
        except (OSError, *TENSOR_ERRORS) as error:
            raise UnknownModelError(
                f"{self.tables_file}: {name} cannot be read ({error})"
            ) from error

    def _checked_channels(self, name: str, values: np.ndarray) -> np.ndarray:
        """One positive number for every latent channel, as float32."""
        # While a bundle is being calibrated there are no tables yet that would know.
        channels = (
            len(values.ravel()) if self._tensor("slices") is None else self.tables.latent_channels
        )
        if (
            values.shape != (channels,)
            or values.dtype.kind not in "fiu"
            or not ((values > 0) & (values < LARGEST_FACTOR)).all()
        ):
            raise UnknownModelError(
                f"{self.tables_file}: {name} must be {channels} positive numbers, one for"
                " each channel: calibrate this model again"
            )
        return values.astype(np.float32)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(1 << 24):  # a UNet is larger than what one wants in memory
            yield piece


def available() -> tuple[str, ...]:
    """Names of the bundles inside the package, then of those in the user's folder."""
    return (
        *names_in(BUNDLES),
        *(name for name in names_in(user_folder()) if name not in names_in(BUNDLES)),
    )
