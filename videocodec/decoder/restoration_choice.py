"""Which restoration the latents of a stream go through.

PyTorch is loaded only where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models.attached import errors_of
from ..restoration.settings import RestorationSettings
from .latents import LatentStream

if TYPE_CHECKING:
    import torch

    from ..restoration.base import Restoration


def restores(
    stream: LatentStream, restoration: Restoration | None, settings: RestorationSettings
) -> bool:
    """Whether latents are changed before they become pictures, by a restoration that was given or
    the model's own.
    """
    if restoration is None:
        return settings.restore and stream.bundle.has_unet
    from ..restoration.base import IdentityRestoration

    return type(restoration) is not IdentityRestoration


def own_restoration(
    stream: LatentStream, settings: RestorationSettings, device: torch.device
) -> tuple[Restoration, bool]:
    """The restoration of the model, or none, and whether captions of the stream condition it.

    Raises as loading its networks does.
    """
    from ..restoration.base import IdentityRestoration

    if not restores(stream, None, settings):
        return IdentityRestoration(), False
    from ..restoration.diffusion import DiffusionRestoration
    from ..restoration.words import Words, captions_that_count

    words = None
    with errors_of(stream.bundle, stream.path):
        denoiser = stream.bundle.load_denoiser()
        captions = captions_that_count(stream.reader, stream.bundle.folder)
        follows_words = bool(captions and denoiser.prompt_width)
        if follows_words:
            base, width = stream.header.time_base, denoiser.prompt_width
            words = Words.of(captions, base, stream.bundle.folder, width)
        restoration = DiffusionRestoration(
            stream.bundle, stream.header, device, settings, denoiser, words=words
        )
    return restoration, follows_words
