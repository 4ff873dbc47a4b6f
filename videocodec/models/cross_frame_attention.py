"""Cross-frame attention: the self-attention of a frame sees the keys and values of its neighbours
in time as well.

Text2Video-Zero (Khachatryan et al. 2023) and its kin hold frames together in this way without
training: what a neighbour has at a place with the same content is what the attention finds.  Here
the neighbours are moved to where the frame's content is beforehand.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch.nn import functional as F

FRAMES = 3  # of a group: the frame itself, the one before, the one after


class CrossFrameAttention(AttnProcessor2_0):
    """A diffusers attention processor for batches of FRAMES · B: all frames first, then those
    before, then those after them.

    weight: how much a key of a neighbour counts against one of the frame's own, 0 (as without
    neighbours) to 1.  The neighbours themselves attend to nothing but themselves, and so does
    cross-attention.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not 0 <= weight <= 1:
            raise ValueError(f"weight must be 0..1, got {weight}")
        self._weight = weight

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """hidden_states (FRAMES · B, positions, features) → the same shape."""
        if encoder_hidden_states is not None or self._weight == 0:
            usual: torch.Tensor = super().__call__(
                attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs
            )
            return usual
        beside = super().__call__(
            attn,
            hidden_states[len(hidden_states) // FRAMES :],
            None,
            attention_mask,
            temb,
            *args,
            **kwargs,
        )
        return torch.cat([self._joint(attn, hidden_states), beside])

    def _joint(self, attn: Attention, hidden: torch.Tensor) -> torch.Tensor:
        """What the frames, the first third of the batch, find in themselves and their neighbours
        (B, positions, features).
        """
        groups, positions = len(hidden) // FRAMES, hidden.shape[1]
        # (FRAMES · B, positions, features) → (B, FRAMES · positions, features)
        seen = (
            hidden.reshape(FRAMES, groups, positions, -1)
            .transpose(0, 1)
            .reshape(groups, FRAMES * positions, -1)
        )
        query, key, value = (
            self._heads(attn, x)
            for x in (attn.to_q(hidden[:groups]), attn.to_k(seen), attn.to_v(seen))
        )
        if attn.norm_q is not None:
            query = attn.norm_q(query)
        if attn.norm_k is not None:
            key = attn.norm_k(key)
        mask = None
        if self._weight < 1:  # added to the logits, a key then counts ``weight`` times
            mask = torch.zeros(FRAMES * positions, device=query.device, dtype=query.dtype)
            mask[positions:] = math.log(self._weight)
            mask = mask.expand(1, 1, positions, -1)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(groups, positions, -1)
        attended: torch.Tensor = attn.to_out[1](attn.to_out[0](seen))
        if attn.residual_connection:
            attended = attended + hidden[:groups]
        return attended / float(attn.rescale_output_factor)

    @staticmethod
    def _heads(attn: Attention, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), x.shape[1], attn.heads, -1).transpose(1, 2)


def install(unet: UNet2DConditionModel, weight: float = 1.0) -> None:
    """Put the processor into every self-attention of a UNet's transformers, and leave the other
    attention layers as they are.
    """
    processors = dict(unet.attn_processors)
    unet.set_attn_processor(
        {
            name: CrossFrameAttention(weight) if name.endswith("attn1.processor") else one
            for name, one in processors.items()
        }
    )
