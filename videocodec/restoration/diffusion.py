"""Restoration by diffusion: decoded latents are noisy ones, and a denoiser walks from their
timestep to clean latents.

The timestep of a frame is the one whose noise is as strong as its quantisation error, so that √ᾱ_t
· latents is a sample of the diffusion process at t up to the colour of its noise.  From there DDIM
(Song et al. 2021) with η = 0 goes to clean latents, by default in one step.  Blocks marked for
generation, of which the decoded latents only say what the prediction was, get noise on top, as much
as the denoiser wants: Stable Diffusion's as strong as the timestep's, since such networks turn
noise into texture.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from bitstream.formats import motion_tables
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT

from ..decoded import QUANTISER_STEPS, DecodedLatents, step_maps
from ..errors import UnknownModelError
from ..models.bundle import ModelBundle
from ..models.denoiser import Conditions, Denoiser
from ..models.network_errors import network_errors
from ..models.runtime import run_for_pictures
from .base import AutoencoderInput, Restoration
from .neighbours import neighbours
from .settings import RestorationSettings
from .sliding import ClipAverage
from .words import Words

_LOG2_STEPS = np.log2(QUANTISER_STEPS.astype(np.float64)).astype(np.float32)


def stream_noise(header: SequenceHeader, seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Gaussian noise (C, h, w) float32, a function of the stream and the seed alone, the same on
    every device.

    Philox (Salmon et al. 2011), a counter-based generator, keyed by the model, the size and the
    seed, gives uniform numbers, the Box-Muller transform normal ones.  All frames of a stream share
    it: noise that changed from frame to frame would flicker.
    """
    name = f"{header.model_sha256} {header.width}x{header.height} {seed}"
    key = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u8")
    count = -(-int(np.prod(shape)) // 2)
    uniform = (np.random.Philox(key=key).random_raw(2 * count) >> np.uint64(11)).astype(
        np.float64
    ) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log1p(-uniform[:count])), 2 * np.pi * uniform[count:]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return normal[: int(np.prod(shape))].reshape(shape).astype(np.float32)


class DiffusionRestoration(Restoration):
    """Restores latents with a bundle's denoiser and noise schedule.

    denoiser: one to use instead of the bundle's.  words: what conditions a stock UNet instead of
    the empty prompt, None for nothing.  Raises ``UnknownModelError`` for a bundle whose
    networks cannot be loaded.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        header: SequenceHeader,
        device: torch.device,
        settings: RestorationSettings = RestorationSettings(),
        denoiser: Denoiser | None = None,
        *,
        words: Words | None = None,
    ) -> None:
        self._words = words
        self._tables, self._device = motion_tables(bundle.tables), device
        self._denoising_steps = settings.steps
        self._block = header.block_latents
        self._timesteps = bundle.timesteps
        self._quantiser_steps, self._log2_steps = (
            torch.from_numpy(table).to(device) for table in (QUANTISER_STEPS, _LOG2_STEPS)
        )
        self._scheduler = bundle.load_scheduler()
        self._scheduler.set_timesteps(self._scheduler.config.num_train_timesteps)
        alphas = self._scheduler.alphas_cumprod
        if int(self._timesteps.max()) >= len(alphas):
            raise UnknownModelError(
                f"{bundle.folder}: timesteps go up to {int(self._timesteps.max())}, its schedule"
                f" has {len(alphas)}"
            )
        self._signal, self._noise_ratio = (
            alphas.sqrt().to(device),
            ((1 - alphas) / alphas).sqrt().to(device),
        )
        self._denoiser = (denoiser or bundle.load_denoiser()).to(device)
        scale, shift = (
            torch.from_numpy(values).reshape(1, -1, 1, 1).to(device)
            for values in bundle.diffusion_units
        )
        self._scale, self._shift = scale, shift
        noise = stream_noise(
            header,
            settings.seed,
            (header.latent_channels, header.latent_height, header.latent_width),
        )
        self._noise = self._denoiser.generation_noise * torch.from_numpy(noise).to(device)
        self._clips = (
            ClipAverage(self._denoiser.window, self._restore_clip)
            if self._denoiser.window
            else None
        )

    @property
    def takes_clips(self) -> bool:
        """Whether a batch is one clip, whose frames see each other, rather than frames beside their
        neighbours.
        """
        return self._clips is not None

    @property
    def reach(self) -> int:
        """One frame before and one after, or what clips of a sliding window reach."""
        return self._clips.reach if self._clips else 1

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """As the base class says."""
        return self.restore_on(self._device, window, first, count).latents.cpu().numpy()

    @torch.inference_mode()
    def restore_on(
        self, device: torch.device, window: list[DecodedLatents], first: int, count: int
    ) -> AutoencoderInput:
        """As the base class says; ``device`` is where the networks are."""
        chosen = window[first : first + count]
        if self._clips:
            steps = torch.from_numpy(step_maps(chosen)).to(device)
            return AutoencoderInput(self._clips.restore(window, first, count), steps)
        around = np.stack(
            [neighbours(self._tables, window, i, self._block) for i in range(first, first + count)]
        )
        return self._restore_batch(chosen, around)

    def _restore_clip(self, frames: list[DecodedLatents]) -> torch.Tensor:
        """A clip, whose frames see each other in the network and need no neighbours beside them."""
        return self._restore_batch(
            frames, np.stack([np.stack([f.latent.latents] * 2) for f in frames])
        ).latents

    def _restore_batch(self, chosen: list[DecodedLatents], around: np.ndarray) -> AutoencoderInput:
        """Frames and their neighbours (B, 2, C, h, w) in units of the stream → restored."""
        latents = np.concatenate([np.stack([f.latent.latents for f in chosen])[:, None], around], 1)
        generate = np.stack(
            [to_positions(f.latent.fields.modes == Mode.GENERATE, self._block) for f in chosen]
        )
        prompt = None if self._words is None else self._words.prompts(chosen, self._device)
        return self._restore(latents, generate, np.stack([f.quantiser_map for f in chosen]), prompt)

    @torch.inference_mode()
    def restore_latents(
        self, latents: np.ndarray, generate: np.ndarray, quantisers: np.ndarray
    ) -> np.ndarray:
        """latents (B, 3, C, h, w) int16: those of frames, and of the ones before and after moved to
        them, in units of the stream; generate (B, h, w) bool; quantisers (B, h, w) uint8 → restored
        (B, C, h, w) float32 in units of the stream.
        """
        return self._restore(latents, generate, quantisers).latents.cpu().numpy()

    def _restore(
        self,
        latents: np.ndarray,
        generate: np.ndarray,
        quantisers: np.ndarray,
        prompt: torch.Tensor | None = None,
    ) -> AutoencoderInput:
        with network_errors(f"to restore {len(latents)} frames", self._device):
            # Everything goes to the device in one copy, as it is in the stream, and what comes of
            # it stays there for the autoencoder.
            timesteps = self._timesteps[np.rint(quantisers.mean((1, 2))).astype(np.int64)]
            shape = len(latents), 1, *quantisers.shape[1:]
            planes = [
                np.broadcast_to(timesteps[:, None, None, None], shape),
                generate[:, None],
                quantisers[:, None],
            ]
            packed = torch.from_numpy(
                np.concatenate(
                    [latents.reshape(*shape[:1], -1, *shape[2:]), *planes], 1, dtype=np.int16
                )
            )
            packed = packed.to(self._device)
            frame, before, after = (
                self._units(z) for z in packed[:, :-3].reshape(latents.shape).float().unbind(1)
            )
            start, mask, at = (
                packed[:, -3, 0, 0].long(),
                packed[:, -2].float(),
                packed[:, -1].long(),
            )
            conditions = Conditions(
                before,
                after,
                mask,
                self._log2_steps[at],
                frame,
                mask[:, None] * self._noise,
                prompt,
            )
            clean = self._walk(start, timesteps, conditions)
            return AutoencoderInput(
                ((clean / self._scale + self._shift) * UNITS_PER_LATENT).float(),
                self._quantiser_steps[at],
            )

    def _walk(
        self, start: torch.Tensor, timesteps: np.ndarray, conditions: Conditions
    ) -> torch.Tensor:
        """From the timesteps (B,) of frames, which are there on the device and here, down to 0 →
        clean latents.
        """
        noisy = (
            conditions.latents + self._noise_ratio[start].reshape(-1, 1, 1, 1) * conditions.noise
        )
        sample = self._signal[start].reshape(-1, 1, 1, 1) * noisy
        for step in range(self._denoising_steps):
            left, steps = self._denoising_steps - step, self._denoising_steps
            position, next_position = start * left // steps, start * (left - 1) // steps
            frame_timesteps = timesteps * left // steps
            clean = self._clean(
                sample, self._predicted(sample, position, conditions), frame_timesteps.tolist()
            )
            sample = self._move(sample, clean, position, next_position)
        return clean

    def _predicted(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        return run_for_pictures(
            self._device, lambda: self._denoiser.predict(sample, timesteps, conditions)
        )

    def _units(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents in units of the stream → of the denoiser, whose variance is about one."""
        return (latents / UNITS_PER_LATENT - self._shift) * self._scale

    def _clean(
        self, sample: torch.Tensor, output: torch.Tensor, timesteps: list[int]
    ) -> torch.Tensor:
        """What the scheduler, which knows what the denoiser predicts, takes for the clean latents
        of frames at timesteps of their own.
        """
        frames = zip(output.split(1), timesteps, sample.split(1), strict=True)
        return torch.cat([self._scheduler.step(o, t, x).pred_original_sample for o, t, x in frames])

    def _move(
        self,
        sample: torch.Tensor,
        clean: torch.Tensor,
        current: torch.Tensor,
        following: torch.Tensor,
    ) -> torch.Tensor:
        """DDIM with η = 0: the same noise, as much of it as the next timestep has.  diffusers' own
        step knows one stride for all.
        """
        signal, ratio = (
            table[current].reshape(-1, 1, 1, 1) for table in (self._signal, self._noise_ratio)
        )
        noise = (sample / signal - clean) / ratio
        moved: torch.Tensor = self._signal[following].reshape(-1, 1, 1, 1) * (
            clean + self._noise_ratio[following].reshape(-1, 1, 1, 1) * noise
        )
        return moved
