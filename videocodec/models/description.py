"""What there is to know of a bundle, from its files alone.

No torch here: ``models list`` answers at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from bitstream.v1.quantiser import CRF_OFFSET

from ..errors import UnknownModelError
from .bundle import ModelBundle
from .files import NETWORK_WEIGHTS, UPSCALER, has_post_filter
from .strict_json import read_json

CALIBRATION_RECORD = "codec/calibration.json"
_SHOWN_CRFS = (0, 12, 24, 36, 48, 60)


@dataclass(frozen=True)
class NetworkDescription:
    """One network of a bundle: its folder, class, number of parameters, and what its config says of
    its inputs.
    """

    part: str
    class_name: str
    parameters: int
    in_channels: int | None


@dataclass(frozen=True)
class ModelDescription:
    """What a bundle is.

    name, folder, sha256: what it is called, where it lies, its identity.  bytes: of all its files,
    shared ones included.  latent_channels, slices: of its latents, and of the slices in which they
    are coded.  latent_scale: what scaled latents are per latent, per channel.  networks: its
    networks.  restoration: how it restores, "none" if it does not; prediction_type: what its UNet
    then predicts; timesteps: the timestep at some crf.  certainty_strength: how much errors count
    by the autoencoder's own variances, 0 for not at all.  calibration: what was written down when
    it was calibrated, empty for older bundles.
    """

    name: str
    folder: str
    sha256: str
    bytes: int
    latent_channels: int
    slices: list[int]
    latent_scale: list[float]
    networks: list[NetworkDescription]
    restoration: str
    prediction_type: str | None
    timesteps: dict[str, int]
    certainty_strength: float
    calibration: dict[str, object]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def describe(bundle: ModelBundle) -> ModelDescription:
    """Read what there is to know.

    Raises ``UnknownModelError`` or ``TablesError`` for what cannot be read.
    """
    folder = bundle.folder
    networks = [
        _network(bundle, part)
        for part in ("vae", "unet", "motion_adapter", UPSCALER)
        if (folder / part).is_dir()
    ]
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json") if bundle.has_unet else {}
    return ModelDescription(
        name=bundle.name,
        folder=str(folder),
        sha256=bundle.sha256,
        bytes=sum(file.stat().st_size for file in _all_files(bundle)),
        latent_channels=bundle.tables.latent_channels,
        slices=list(bundle.tables.slices),
        latent_scale=[round(float(value), 6) for value in bundle.latent_scale],
        networks=networks,
        restoration=_restoration(folder, networks, bundle.tables.latent_channels),
        prediction_type=str(scheduler.get("prediction_type", "epsilon")) if scheduler else None,
        timesteps=(
            {str(crf): int(bundle.timesteps[crf + CRF_OFFSET]) for crf in _SHOWN_CRFS}
            if scheduler
            else {}
        ),
        certainty_strength=bundle.certainty_strength,
        calibration=(
            read_json(folder / CALIBRATION_RECORD)
            if (folder / CALIBRATION_RECORD).is_file()
            else {}
        ),
    )


def _restoration(folder: Path, networks: list[NetworkDescription], channels: int) -> str:
    by_part = {network.part: network for network in networks}
    if "unet" not in by_part:
        return "post-filter" if has_post_filter(folder) else "none"
    unet = by_part["unet"]
    if unet.class_name == "TemporalUNet":
        return "temporal UNet"
    kind = (
        "sliding windows"
        if "motion_adapter" in by_part or unet.class_name == "UNetMotionModel"
        else "cross-frame attention"
    )
    return kind + (", inpainting" if unet.in_channels == 2 * channels + 1 else "")


def _all_files(bundle: ModelBundle) -> set[Path]:
    """Those of the folder, decoding needs them or not, and those that it shares."""
    files = {file for file in bundle.folder.rglob("*") if file.is_file()}
    return files | {path for _, path in bundle.files}


def _network(bundle: ModelBundle, part: str) -> NetworkDescription:
    config = read_json(bundle.folder / part / "config.json")
    parameters = 0
    # What lies in the folder itself may be no part of the model's identity.
    own = {f"{part}/{file.name}": file for file in (bundle.folder / part).glob(NETWORK_WEIGHTS)}
    for name, file in (dict(bundle.files) | own).items():
        if not (name.startswith(f"{part}/") and file.match(NETWORK_WEIGHTS)):
            continue
        try:
            with safe_open(str(file), "numpy") as tensors:
                parameters += sum(
                    prod(tensors.get_slice(name).get_shape())
                    for name in tensors.keys()  # noqa: SIM118 (no mapping: it cannot be iterated)
                )
        except (OSError, SafetensorError) as error:
            raise UnknownModelError(
                f"{file}: cannot be read ({' '.join(str(error).split())})"
            ) from error
    channels = config.get("in_channels")
    return NetworkDescription(
        part,
        str(config.get("_class_name")),
        parameters,
        channels if isinstance(channels, int) else None,
    )
