"""Running an autoencoder on a device: uint8 pictures to scaled latents, integer latents to uint8
pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from bitstream.limits import available_bytes
from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.quantiser import UNITS_PER_LATENT

from ..errors import DeviceError, OutOfMemoryError, UnknownModelError
from ..networks.placement import placed
from .autoencoders import latent_channels, latents_and_log_variance
from .bundle import ModelBundle
from .devices import check_device
from .network_errors import network_errors
from .parts import MOST_AT_ONCE, MOST_ON_ACCELERATORS, Rectangle, tiles_of
from .threads import set_threads, settle_threads
from .trial import try_decoding


def pick_device(name: str) -> torch.device:
    """``auto`` takes cuda, then mps, then cpu.

    Raises ``DeviceError`` for a device this machine lacks.
    """
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if present[kind])
    check_device(name)
    if not present[name]:
        raise DeviceError(
            f"device {name} is not available to PyTorch on this machine: use --device auto"
        )
    return torch.device(name)


def decoding_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context in which networks that make pictures run: half precision on CUDA, whose tensor
    cores are made for it, full precision elsewhere (bfloat16 on CPUs is four times slower).
    Encoding always is in full precision.
    """
    return torch.autocast("cuda", torch.float16) if device.type == "cuda" else nullcontext()


def run_for_pictures(device: torch.device, network: Callable[[], torch.Tensor]) -> torch.Tensor:
    """What a network that makes pictures gives, float32, in ``decoding_precision``; once more in
    full precision where that overflowed.

    Half precision ends at 65504, and features of some Stable Diffusion networks go beyond: SDXL's
    autoencoder gives black pictures then.
    """
    precision = decoding_precision(device)
    with precision:
        result = network().float()
    if isinstance(precision, nullcontext) or torch.isfinite(result).all():
        return result
    return network().float()


class AutoencoderRuntime:
    """One bundle's autoencoder on one device, in ``channels_last``, nearly twice as fast as the
    default on CPUs.

    bytes_per_latent: what the greediest layer of its decoder reads and writes for one position.
    reach: how many positions around one its decoder's pixels depend on, None where nobody knows.
    """

    def __init__(
        self, bundle: ModelBundle, device: str = "auto", threads: int | None = None
    ) -> None:
        set_threads(threads)
        self.device = pick_device(device)
        self.bundle = bundle
        with network_errors(f"to load the autoencoder of {bundle.name}", self.device):
            self.model = placed(bundle.load_autoencoder(), self.device)
        channels = latent_channels(self.model) or len(bundle.latent_scale)
        if channels != len(bundle.latent_scale):
            raise UnknownModelError(
                f"{bundle.folder}: the autoencoder has {channels} latent channels, the codec tables"
                f" {len(bundle.latent_scale)}: calibrate this model again"
            )
        self._scale = torch.from_numpy(bundle.latent_scale).to(self.device).reshape(1, -1, 1, 1)
        self._takes_steps = getattr(self.model, "takes_steps", False)
        self.reach: int | None = getattr(self.model, "decoder_reach", None)
        self.bytes_per_latent = try_decoding(
            self.model,
            bundle.folder,
            channels,
            self.device,
            takes_steps=self._takes_steps,
        )

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        """Pictures (B, H, W, 3) uint8, padded by repeating the edge to (height, width) → scaled
        latents (B, C, h, w) float32.
        """
        return self.encode_with_variance(pictures, height, width)[0]

    @torch.inference_mode()
    def encode_with_variance(
        self, pictures: np.ndarray, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As ``encode``, and the natural logarithms of the latents' variances before scaling, of
        the same shape, None of an autoencoder that gives none.
        """
        with network_errors(f"to encode pictures of {width}×{height}", self.device):
            return self._encode(pictures, height, width)

    def _encode(
        self, pictures: np.ndarray, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        x = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last)
        latents, log_variance = latents_and_log_variance(self.model, x)
        if latents.shape[2:] != (height // PIXELS_PER_LATENT, width // PIXELS_PER_LATENT):
            raise UnknownModelError(
                f"{self.bundle.folder}: makes {tuple(latents.shape[2:])} latents of"
                f" {height}×{width} px: an autoencoder must have a stride of 8 px"
            )
        scaled = (latents * self._scale).float().cpu().numpy()
        return scaled, None if log_variance is None else log_variance.float().cpu().numpy()

    @torch.inference_mode()
    def decode(
        self,
        latents: np.ndarray | torch.Tensor,
        steps: np.ndarray | torch.Tensor,
        height: int,
        width: int,
    ) -> np.ndarray:
        """Latents (B, C, h, w) in latent units (or float, from a restoration) and the quantiser
        step of every position (B, h, w) in scaled latents, arrays or tensors on any device →
        pictures (B, height, width, 3) uint8, cropped from the top left.
        """
        if self.reach is None:
            return self.decode_at_once(latents, steps, height, width)
        whole = Rectangle(0, 0, *latents.shape[2:])
        return self.decode_part(latents, steps, whole, height, width)

    def decode_part(
        self,
        latents: np.ndarray | torch.Tensor,
        steps: np.ndarray | torch.Tensor,
        part: Rectangle,
        height: int,
        width: int,
    ) -> np.ndarray:
        """The pixels of one part of the pictures that ``decode`` would make: latents and steps as
        there, of whole pictures; part: of their positions → (B, rows, columns, 3) uint8, cropped to
        the pictures.

        They are those of the whole within rounding, and cost what the part costs with its
        surroundings.  What is too large to be made at once is made in tiles.  Raises ``ValueError``
        where ``reach`` is None.
        """
        if self.reach is None:
            raise ValueError(
                f"nobody knows how far pictures of {self.bundle.name} depend on latents"
            )
        rows, columns = latents.shape[2:]
        most = MOST_AT_ONCE if self.device.type == "cpu" else MOST_ON_ACCELERATORS
        most = max(most // latents.shape[0], 1)
        tiles = tiles_of(part, self.reach, rows, columns, most)
        if tiles == [Rectangle(0, 0, rows, columns)]:
            return self.decode_at_once(latents, steps, height, width)
        top, left, bottom, right = part.pixels()
        bottom, right = min(bottom, height), min(right, width)
        made = np.empty((latents.shape[0], bottom - top, right - left, 3), np.uint8)
        for tile in tiles:
            place = tile.pixels()
            if place.top < bottom and place.left < right:  # else it is padding
                pixels = self._tile(latents, steps, tile, height, width)
                target = made[:, place.top - top :, place.left - left :]
                target[:, : pixels.shape[1], : pixels.shape[2]] = pixels
        return made

    def _tile(
        self,
        latents: np.ndarray | torch.Tensor,
        steps: np.ndarray | torch.Tensor,
        tile: Rectangle,
        height: int,
        width: int,
    ) -> np.ndarray:
        """A part that is small enough, made at once with its surroundings."""
        outer = tile.grown(self.reach or 0, *latents.shape[2:])
        rows, columns = slice(outer.top, outer.bottom), slice(outer.left, outer.right)
        inner, around = (each.pixels() for each in (tile, outer))
        made = self.decode_at_once(
            latents[:, :, rows, columns],
            steps[:, rows, columns],
            min(inner.bottom, height) - around.top,
            min(inner.right, width) - around.left,
        )
        return made[:, inner.top - around.top :, inner.left - around.left :]

    def decode_at_once(
        self,
        latents: np.ndarray | torch.Tensor,
        steps: np.ndarray | torch.Tensor,
        height: int,
        width: int,
    ) -> np.ndarray:
        """As ``decode``, in one go."""
        self._check_memory(latents.shape[0] * latents.shape[2] * latents.shape[3], width, height)
        with network_errors(f"to decode pictures of {width}×{height}", self.device):
            return self._decode(latents, steps, height, width)

    def _check_memory(self, positions: int, width: int, height: int) -> None:
        """Systems that promise more memory than they have end a program that takes it, and it
        cannot say why.  Accelerators do not.
        """
        needed, available = positions * self.bytes_per_latent, available_bytes()
        if self.device.type == "cpu" and needed > available:
            raise OutOfMemoryError(
                f"not enough memory to decode pictures of {width}×{height} on cpu: a layer of"
                f" {self.bundle.name} takes {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB"
                " are allowed here: decode it on a machine with more memory"
            )

    def _decode(
        self,
        latents: np.ndarray | torch.Tensor,
        steps: np.ndarray | torch.Tensor,
        height: int,
        width: int,
    ) -> np.ndarray:
        settle_threads()
        latents, steps = (
            torch.from_numpy(np.ascontiguousarray(a)) if isinstance(a, np.ndarray) else a
            for a in (latents, steps)
        )
        scaled, steps = latents.to(self.device).float() / UNITS_PER_LATENT, steps.to(self.device)
        sample = run_for_pictures(
            self.device, lambda: self.pictures(scaled, steps)[:, :, :height, :width]
        )
        pixels = sample.add_(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def pictures(self, scaled: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """Scaled latents (B, C, h, w) float32 and the quantiser step of every position (B, h, w),
        on the device → pictures (B, 3, 8h, 8w), RGB in about [-1, 1], with a gradient for the
        latents where one is wanted.
        """
        z = (scaled / self._scale).contiguous(memory_format=torch.channels_last)
        known: dict[str, Any] = {"step": steps} if self._takes_steps else {}
        pictures: torch.Tensor = self.model.decode(z, **known).sample
        return pictures
