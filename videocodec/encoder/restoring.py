"""The decoder's restoration, as an encoder runs it on frames that are not coded yet."""

from __future__ import annotations

import numpy as np
import torch

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from ..models.bundle import ModelBundle
from ..restoration.diffusion import DiffusionRestoration
from .generation import BlockScene


class DiffusionRestorer:
    """A ``LatentRestorer`` over a bundle's UNet, in one step and with the seed that decoders use
    unless told otherwise.

    A decoder sees the frames before and after; the encoder has not coded them when it decides, and
    shows the references, which in frames that no other refers to mostly are these.  All positions
    count as quantised with the frame's own step. A UNet that takes clips is shown one for each
    version, between the references: versions of a frame must not see each other.
    """

    def __init__(self, bundle: ModelBundle, header: SequenceHeader, device: torch.device) -> None:
        self._restoration = DiffusionRestoration(bundle, header, device)

    def __call__(self, scene: BlockScene, latents: np.ndarray, generate: np.ndarray) -> np.ndarray:
        """As the protocol says."""
        unit = np.float32(step_latent(scene.quantiser) * UNITS_PER_LATENT)
        planes = np.stack([np.stack([version, scene.past, scene.future]) for version in latents])
        packed = np.clip(np.rint(planes * unit), -(1 << 15), (1 << 15) - 1).astype(np.int16)
        masks = np.stack([to_positions(mask, scene.block) for mask in generate])
        quantisers = np.full(masks.shape, scene.quantiser, dtype=np.uint8)
        if not self._restoration.takes_clips:
            return self._restoration.restore_latents(packed, masks, quantisers) / unit
        return (
            np.concatenate(
                [self._in_clip(*version) for version in zip(packed, masks, quantisers, strict=True)]
            )
            / unit
        )

    def _in_clip(self, planes: np.ndarray, mask: np.ndarray, quantisers: np.ndarray) -> np.ndarray:
        """planes (3, C, h, w) int16: a version and the references; mask, quantisers (h, w) →
        restored (1, C, h, w).
        """
        version, past, future = planes
        clip = np.stack([np.stack([frame] * len(planes)) for frame in (past, version, future)])
        sent = np.zeros_like(mask)
        return self._restoration.restore_latents(
            clip, np.stack([sent, mask, sent]), np.stack([quantisers] * len(clip))
        )[1:2]
