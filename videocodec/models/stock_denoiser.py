"""Stable Diffusion's UNets, as they are, behind the interface of a denoiser: no training, an empty
prompt.

Plain and inpainting UNets see a frame together with its neighbours through cross-frame attention;
with AnimateDiff's motion modules (Guo et al. 2023) a UNet sees clips of frames instead.  What a
UNet wants besides latents lies in ``unet/conditioning.safetensors``, which ``videocodec models
calibrate`` writes, so that it is part of the model's identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel, UNetMotionModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import UnknownModelError
from .cross_frame_attention import FRAMES, install
from .denoiser import Conditions, Denoiser, SlidingWindow

CONDITIONING_FILE = "conditioning.safetensors"
_LONGEST_WINDOW = 16  # frames; what AnimateDiff's modules were trained on
# some schedules end at 0, where no velocity says anything of the noise; quantisation never is that
# coarse
_LEAST_ALPHA = 1e-4


@dataclass(frozen=True)
class Conditioning:
    """prompt (1, tokens, features) float32: the text encoder's hidden states of the empty prompt;
    grey (C,) float32: what the autoencoder makes of middle grey, in the denoiser's units, with
    which inpainting UNets are shown what they do not know.
    """

    prompt: torch.Tensor
    grey: torch.Tensor

    @classmethod
    def load(cls, folder: Path) -> Conditioning:
        """Of the UNet in a folder.  Raises ``UnknownModelError``."""
        file = folder / CONDITIONING_FILE
        try:
            tensors = load_file(str(file))
            prompt, grey = tensors["prompt"].float(), tensors["grey"].float()
        except (OSError, SafetensorError, KeyError) as error:
            message = " ".join(str(error).split())
            raise UnknownModelError(
                f"{file}: cannot be read ({message}): run videocodec models calibrate again"
            ) from error
        if prompt.ndim != 3 or len(prompt) != 1 or grey.ndim != 1:
            raise UnknownModelError(
                f"{file}: prompt must have three dimensions and grey one: run videocodec models"
                " calibrate again"
            )
        return cls(prompt, grey)

    def save(self, folder: Path) -> None:
        """Beside the UNet in a folder."""
        save_file(
            {"prompt": self.prompt.contiguous(), "grey": self.grey.contiguous()},
            str(folder / CONDITIONING_FILE),
        )


def check_unet(unet: UNet2DConditionModel | UNetMotionModel, channels: int, folder: Path) -> None:
    """Whether this project can feed a UNet from ``folder`` beside an autoencoder of so many
    channels.  Raises ``UnknownModelError``.
    """
    config = unet.config
    expected = {
        "addition_embed_type": "sizes or pooled text",
        "class_embed_type": "a class",
        "num_class_embeds": "a class",
        "encoder_hid_dim_type": "image or second text embeddings",
    }
    for name, value in expected.items():
        if config.get(name) is not None:
            raise UnknownModelError(
                f"{folder}: this UNet wants {value} as input ({name}={config[name]!r}), which"
                " videocodec cannot give it"
            )
    if config.out_channels != channels or config.in_channels not in (channels, 2 * channels + 1):
        raise UnknownModelError(
            f"{folder}: this UNet takes {config.in_channels} channels and gives"
            f" {config.out_channels}, which does not fit the autoencoder's {channels} latent"
            f" channels: take a pair ({channels} or, for inpainting, {2 * channels + 1} in,"
            f" {channels} out)"
        )
    if (
        not isinstance(config.cross_attention_dim, int)
        and len(set(config.cross_attention_dim)) != 1
    ):
        raise UnknownModelError(
            f"{folder}: this UNet wants prompts of several widths"
            f" (cross_attention_dim={config.cross_attention_dim})"
        )


def prompt_width(unet: UNet2DConditionModel | UNetMotionModel) -> int:
    """Features of a token that a UNet's cross-attention wants."""
    width = unet.config.cross_attention_dim
    return width if isinstance(width, int) else width[0]


class _StockDenoiser(Denoiser):
    """What single frames and clips have in common.  alphas_cumprod (T,): the scheduler's."""

    def __init__(
        self,
        unet: UNet2DConditionModel | UNetMotionModel,
        conditioning: Conditioning,
        alphas_cumprod: torch.Tensor,
    ) -> None:
        self.unet, self._prompt, self._grey = (
            unet,
            conditioning.prompt,
            conditioning.grey.reshape(1, -1, 1, 1),
        )
        self.prompt_width = self._prompt.shape[2]
        self._alphas = alphas_cumprod.float()
        self._inpaints = unet.config.in_channels > unet.config.out_channels

    def to(self, device: torch.device) -> _StockDenoiser:
        """Moved, in ``channels_last``."""
        self.unet.to(device, memory_format=torch.channels_last)
        self._prompt, self._grey, self._alphas = (
            x.to(device) for x in (self._prompt, self._grey, self._alphas)
        )
        return self

    def _prompts(self, conditions: Conditions, frames: int) -> torch.Tensor:
        """(frames, tokens, features): those of words, or else of the empty prompt."""
        if conditions.prompt is not None:
            return conditions.prompt
        return self._prompt.expand(frames, -1, -1)

    def _inputs(
        self, sample: torch.Tensor, latents: torch.Tensor, generate: torch.Tensor
    ) -> torch.Tensor:
        """sample, latents (N, C, h, w) and generate (N, h, w) → what the first layer takes (N, C or
        2C + 1, h, w).
        """
        if not self._inpaints:
            return sample
        mask = generate[:, None].to(sample)
        return torch.cat(
            [sample, mask, torch.lerp(latents, self._grey.expand_as(latents), mask)], 1
        )


def _decoded(conditions: Conditions) -> tuple[torch.Tensor, torch.Tensor]:
    """A frame's own latents and the noise on top of them, which stock UNets need."""
    if conditions.latents is None or conditions.noise is None:
        raise ValueError("a stock UNet needs the decoded latents and the noise on top of them")
    return conditions.latents, conditions.noise


class StockDenoiser(_StockDenoiser):
    """A ``UNet2DConditionModel`` that runs on a frame and, beside it, on its two neighbours at the
    same timestep.

    temporal_weight: of the neighbours in the frame's self-attention, 0..1
    (``CrossFrameAttention``).
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        conditioning: Conditioning,
        alphas_cumprod: torch.Tensor,
        temporal_weight: float = 1.0,
    ) -> None:
        super().__init__(unet, conditioning, alphas_cumprod)
        install(unet, temporal_weight)

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """As the base class says.

        Where the frame's latents were given noise, its neighbours get the same: features that
        attention is to compare differ by content then and not by noise.
        """
        c = conditions
        frame_latents, frame_noise = _decoded(c)
        alpha = self._alphas[timesteps].reshape(-1, 1, 1, 1)
        noise = (1 - alpha).sqrt() * frame_noise
        beside = [alpha.sqrt() * latents + noise for latents in (c.before, c.after)]
        samples = torch.cat([sample, *beside])
        # What is to be made up in the frame may well be known in its neighbours: of them nothing is
        # hidden.
        masks = torch.cat([c.generate, *[torch.zeros_like(c.generate)] * (FRAMES - 1)])
        inputs = self._inputs(samples, torch.cat([frame_latents, c.before, c.after]), masks)
        out: torch.Tensor = self.unet(
            inputs, timesteps.repeat(FRAMES), self._prompts(c, len(sample)).repeat(FRAMES, 1, 1)
        ).sample
        return out[: len(sample)]


class MotionDenoiser(_StockDenoiser):
    """A ``UNetMotionModel`` that runs on clips.

    It knows one timestep a clip and is told the mean of the frames' own.  Of the noise that it
    predicts each frame loses as much as its own timestep says, so that a fine keyframe among coarse
    frames stays fine.  What a velocity (``prediction_type`` "v_prediction") says of the noise
    depends on the timestep: it is read at the clip's and said again at each frame's own.
    """

    def __init__(
        self,
        unet: UNetMotionModel,
        conditioning: Conditioning,
        alphas_cumprod: torch.Tensor,
        prediction_type: str = "epsilon",
    ) -> None:
        super().__init__(unet, conditioning, alphas_cumprod)
        self._predicts_velocity = prediction_type == "v_prediction"
        length = max(1, min(_LONGEST_WINDOW, unet.config.motion_max_seq_length))
        self.window = SlidingWindow(length, max(1, length // 2))

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """As the base class says; the batch is one clip."""
        inputs = self._inputs(sample, _decoded(conditions)[0], conditions.generate)
        clip = inputs.transpose(0, 1)[None]  # (1, channels, frames, h, w)
        timestep = timesteps.float().mean().round().long()
        out = self.unet(clip, timestep, self._prompts(conditions, len(sample))).sample
        predicted = out[0].transpose(0, 1)
        return (
            self._velocity_at(predicted, sample, timestep, timesteps)
            if self._predicts_velocity
            else predicted
        )

    def _velocity_at(
        self,
        velocity: torch.Tensor,
        sample: torch.Tensor,
        clip: torch.Tensor,
        frame_timesteps: torch.Tensor,
    ) -> torch.Tensor:
        """v = √ᾱ·ε - √(1 - ᾱ)·x₀ of samples √ᾱ·x₀ + √(1 - ᾱ)·ε (Salimans and Ho 2022): with the ε
        that it says at the timestep ``clip``, what it is at those of ``frame_timesteps`` (B,).
        """
        noise = self._alphas[clip].sqrt() * velocity + (1 - self._alphas[clip]).sqrt() * sample
        alpha = self._alphas[frame_timesteps].reshape(-1, 1, 1, 1).clamp_min(_LEAST_ALPHA)
        return (noise - (1 - alpha).sqrt() * sample) / alpha.sqrt()
