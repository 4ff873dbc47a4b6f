"""Which networks make the pictures of a stream: those of its loop, in exact integers, or the
autoencoder in floating point.

No torch.
"""

from __future__ import annotations

from typing import Literal, get_args

from bitstream.formats import format_of

from ..errors import SettingsError
from ..models.device_choice import is_cpu
from ..models.devices import check_device
from ..models.picture_makers import ExactPictures
from .latents import LatentStream

Pictures = Literal["auto", "exact", "float"]


def check_pictures(pictures: str) -> None:
    """Raise ``SettingsError`` unless it is one of ``Pictures``."""
    if pictures not in get_args(Pictures):
        names = ", ".join(get_args(Pictures))
        raise SettingsError(f"pictures must be one of {names}, got {pictures!r}")


def exact_pictures(
    stream: LatentStream, pictures: Pictures, device: str, *, restores: bool
) -> ExactPictures | None:
    """What makes exact pictures of a stream; None where they are to be made in floating point.

    "auto" makes them exact where that can be and networks run on the CPU.  device: as networks'.
    restores: whether latents are changed before they become pictures.

    Raises ``SettingsError`` for "exact" where that cannot be, and ``DeviceError``.
    """
    check_pictures(pictures)
    check_device(device)
    if pictures == "float":
        return None
    obstacle = _obstacle(stream, restores)
    if obstacle is None and (pictures == "exact" or is_cpu(device)):
        return ExactPictures.of(stream.bundle.tables, stream.bundle.name)
    if pictures == "exact":
        raise SettingsError(f"{stream.path}: no exact pictures: {obstacle}")
    return None


def _obstacle(stream: LatentStream, restores: bool) -> str | None:
    """Why there are none, and what to do about it."""
    version = stream.header.format_version
    if not format_of(version).moves_pictures:
        return f"format version {version} has no integer networks that make them: leave that out"
    if restores:
        return "its latents are restored, in floating point: decode it without restoration"
    return None
