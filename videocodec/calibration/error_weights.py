"""What an error in each channel counts to encoders of format version 2
(``InterTables.error_weights``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.quantiser import step_latent

from ..networks.second.codec import SecondCodec

_QUANTISERS = (52, 64)
_NOISE = 0.3  # standard deviation in steps
# Between all channels alike and squared error of pixels alone, which would let flat areas drift:
# bytes at equal squared error fall as much with either, docs/decisions/017.
_POWER = 0.5


def measure_error_weights(
    codec: SecondCodec, pictures: Sequence[npt.NDArray[np.uint8]], seed: int = 0
) -> npt.NDArray[np.float32]:
    """Pictures RGB (H, W, 3), sides multiples of 8 → (C,) with mean 1: the root of the squared
    error that noise in one channel of quantised latents makes in decoded pictures.
    """
    rng, effects = np.random.default_rng(seed), np.zeros(codec.shape.channels)
    with torch.inference_mode():
        for picture in pictures:
            tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
            latents = codec.encoder(tensor)
            for quantiser in _QUANTISERS:
                step = step_latent(quantiser)
                log2_step = torch.log2(torch.tensor([step]))
                quantised = torch.round(latents / step) * step
                plain = codec.decoder(quantised, log2_step)
                shape = latents.shape[2:]
                noise = torch.from_numpy(rng.normal(0, _NOISE * step, shape).astype(np.float32))
                for channel in range(len(effects)):
                    changed = quantised.clone()
                    changed[:, channel] += noise
                    error = codec.decoder(changed, log2_step) - plain
                    effects[channel] += float(error.square().mean()) / step**2
    weights = effects**_POWER
    relative: npt.NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return relative
