"""The temporally conditioned UNet: a diffusion denoiser for decoded latents that sees the frames
before and after.

Decoded latents are the source's plus quantisation error.  The timestep is the one at which the
schedule's noise is as strong as that error, and the network predicts the clean latents (Ho et al.
2020; ``prediction_type="sample"`` of diffusers' schedulers). Its blocks are diffusers'
``AutoencoderTinyBlock``, residual and without normalisation layers, whose statistics would make a
frame depend on its size and on what else is in it; the timestep scales and shifts features as in
Stable Cascade.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_stable_cascade import SDCascadeTimestepBlock
from diffusers.schedulers import DDIMScheduler
from diffusers.utils import BaseOutput
from torch import nn

from ..networks.starts import zeroed
from .schedules import BETA_END, BETA_SCHEDULE, BETA_START, TIMESTEPS

_CONDITION_PLANES = 2  # the generate mask and log2 of the quantiser step


@dataclass
class TemporalUNetOutput(BaseOutput):
    """sample (B, C, h, w): the predicted clean latents, in the units of the input."""

    sample: torch.Tensor


class _Level(nn.Module):
    """Blocks at one resolution, told the timestep."""

    def __init__(self, channels: int, blocks: int, embedding: int) -> None:
        super().__init__()
        self.time = SDCascadeTimestepBlock(channels, embedding)
        self.blocks = nn.Sequential(
            *[AutoencoderTinyBlock(channels, channels, "silu") for _ in range(blocks)]
        )

    def forward(self, x: torch.Tensor, embedded: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.blocks(self.time(x, embedded))
        return out


class TemporalUNet(ModelMixin, ConfigMixin):
    """Predicts clean latents from decoded ones, their motion-compensated neighbours in time and the
    generate mask.

    The default has a single level: strided layers left patterns on flat areas, and more parameters
    were remembering, not restoring (docs/measurements.md).  No frame's restored latents are ever an
    input, so frames can be restored in batches and in any order. ``from_pretrained`` and
    ``save_pretrained`` are diffusers' own.  The config has the scheduler's noise schedule, Stable
    Diffusion's, and ``generation_noise``: the deviation of the noise, relative to the timestep's,
    that blocks to be made up are given.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        block_out_channels: tuple[int, ...] = (64,),
        down_blocks: tuple[int, ...] = (3,),
        up_blocks: tuple[int, ...] = (),
        time_embedding_dim: int = 64,
        num_train_timesteps: int = TIMESTEPS,
        beta_start: float = BETA_START,
        beta_end: float = BETA_END,
        beta_schedule: str = BETA_SCHEDULE,
        generation_noise: float = 0.0,
    ) -> None:
        super().__init__()
        if (
            len(down_blocks) != len(block_out_channels)
            or len(up_blocks) != len(block_out_channels) - 1
        ):
            raise ValueError(
                f"down_blocks needs {len(block_out_channels)} and up_blocks"
                f" {len(block_out_channels) - 1} entries, got {len(down_blocks)} and"
                f" {len(up_blocks)}"
            )
        schedule = DDIMScheduler(num_train_timesteps, beta_start, beta_end, beta_schedule)
        self.register_buffer("alphas_cumprod", schedule.alphas_cumprod.clone(), persistent=False)
        self.time_proj = Timesteps(time_embedding_dim, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(time_embedding_dim, time_embedding_dim)
        self.conv_in = nn.Conv2d(
            3 * latent_channels + _CONDITION_PLANES, block_out_channels[0], 3, padding=1
        )
        pairs = list(itertools.pairwise(block_out_channels))
        self.down = nn.ModuleList(
            [
                _Level(c, n, time_embedding_dim)
                for c, n in zip(block_out_channels, down_blocks, strict=True)
            ]
        )
        self.downsample = nn.ModuleList([nn.Conv2d(a, b, 2, stride=2) for a, b in pairs])
        self.upsample = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs])
        self.up = nn.ModuleList(
            [
                _Level(c, n, time_embedding_dim)
                for c, n in zip(block_out_channels, up_blocks, strict=False)
            ]
        )
        self.conv_out = nn.Conv2d(block_out_channels[0], latent_channels, 3, padding=1)
        # Starts as what the noise schedule says of the input: no noise known, nothing taken off.
        zeroed(self.conv_out)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | int,
        before: torch.Tensor,
        after: torch.Tensor,
        generate: torch.Tensor,
        log2_step: torch.Tensor,
        return_dict: bool = True,
    ) -> TemporalUNetOutput | tuple[torch.Tensor]:
        """Clean latents of a batch of frames.

        sample (B, C, h, w): √ᾱ_t · latents (latents of about unit variance, with an error of
        σ_t/√ᾱ_t) at ``timestep``, one number 0..num_train_timesteps - 1 or (B,); before, after (B,
        C, h, w): latents of the neighbours moved to this frame, not scaled by √ᾱ_t; generate (B, h,
        w): 1 where nothing was sent and the content is to be made up, else 0; log2_step (B, h, w):
        log2 of the quantiser step of every position.  Raises ``ValueError`` for shapes that do not
        fit.
        """
        batch, channels, height, width = sample.shape
        if channels != self.config.latent_channels:
            raise ValueError(
                f"sample must have {self.config.latent_channels} channels, got shape"
                f" {tuple(sample.shape)}"
            )
        for name, value, shape in (
            ("before", before, sample.shape),
            ("after", after, sample.shape),
            ("generate", generate, (batch, height, width)),
            ("log2_step", log2_step, (batch, height, width)),
        ):
            if value.shape != shape:
                raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(value.shape)}")
        timesteps = torch.as_tensor(timestep, device=sample.device).expand(batch)
        alpha = self.alphas_cumprod.to(sample)[timesteps].reshape(-1, 1, 1, 1)
        latents, noise = sample / alpha.sqrt(), ((1 - alpha) / alpha).sqrt()
        planes = [
            latents,
            before - latents,
            after - latents,
            generate[:, None].to(sample),
            log2_step[:, None].to(sample) / 2,
        ]
        x = torch.cat(planes, 1)
        multiple = 1 << len(self.downsample)
        x = F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        x = self._unet(
            x.contiguous(memory_format=torch.channels_last),
            self.time_embedding(self.time_proj(timesteps).to(sample)),
        )
        # Scaled by the noise, the output is of order one at every timestep.
        clean = latents + noise * x[:, :, :height, :width]
        return TemporalUNetOutput(sample=clean) if return_dict else (clean,)

    def _unet(self, x: torch.Tensor, embedded: torch.Tensor) -> torch.Tensor:
        x = self.conv_in(x)
        skips = []
        for level, down in zip(self.down, [*self.downsample, None], strict=True):
            x = level(x, embedded)
            if down is not None:
                skips.append(x)
                x = down(x)
        for level, up in zip(reversed(self.up), reversed(self.upsample), strict=True):
            x = level(up(x) + skips.pop(), embedded)
        out: torch.Tensor = self.conv_out(x)
        return out
