"""Makes the models of the corpus: synthetic tables and tiny autoencoders that are linear maps, so
that the real encoder can use them.

Everything in them comes from integers: the same bytes on every machine.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v1.tables import CodecTables

from ..bitstream.synthetic import SLICES, flat_tables, steep_tables, synthetic_tables

LUMA, BLUE, RED = (77, 150, 29), (-43, -85, 128), (128, -107, -21)  # of 256, as JPEG has them
Wave = tuple[tuple[int, int, int], int, int]  # colour, vertical frequency, horizontal frequency
_SIXTEEN: list[Wave] = [(LUMA, v, h) for v in range(3) for h in range(3)]
_SIXTEEN += [(colour, v, h) for colour in (BLUE, RED) for v, h in ((0, 0), (0, 1), (1, 0))] + [
    (LUMA, 3, 0)
]


@dataclass(frozen=True)
class Model:
    """waves: one for every channel; tables: what makes the integer tables; added: 0 for what the
    version of the format began with, else when it was added to it.
    """

    waves: list[Wave]
    tables: Callable[[], CodecTables]
    added: int = 0


MODELS = {
    "one": Model([(LUMA, 0, 0)], lambda: synthetic_tables(2027, (1,))),
    "four": Model([(LUMA, 0, 0), (LUMA, 0, 1), (LUMA, 1, 0), (LUMA, 1, 1)], synthetic_tables),
    "sixteen": Model(
        _SIXTEEN, lambda: synthetic_tables(2028, (1, 1, 2, 4, 8), filter_noise_odds=24)
    ),
    "steep": Model([(LUMA, 0, 0), (LUMA, 0, 1)], lambda: steep_tables(2029, (1, 1)), added=1),
    "flat": Model([(LUMA, 0, 0)], lambda: flat_tables(2030, (1,)), added=1),
}
_VAE = {
    "width": 4,
    "coarse_width": 4,
    "encoder_blocks": 0,
    "encoder_wide_blocks": 0,
    "decoder_blocks": 0,
    "decoder_fine_blocks": 0,
}
_VAE |= {"decoder_wide_blocks": 0, "expansion": 1, "scaling_factor": 1.0}


def _linear(waves: list[Wave]) -> np.ndarray:
    """(C, 3, 8, 8) float32, exact: cosines rounded to 1/256 times colour weights of 1/256."""
    kernels = np.zeros((len(waves), 3, 8, 8))
    for index, (colour, v, h) in enumerate(waves):
        for y in range(8):
            for x in range(8):
                wave = math.cos((2 * y + 1) * v * math.pi / 16) * math.cos(
                    (2 * x + 1) * h * math.pi / 16
                )
                kernels[index, :, y, x] = (
                    np.array(colour) * round(wave * 32 * (1 if v == h == 0 else 1.4)) / 2**16
                )
    return kernels.astype(np.float32)


def make_files(name: str) -> dict[str, bytes]:
    """The files of a model's bundle, by their names in it."""
    from videocodec.models.latent_autoencoder import LatentAutoencoder

    waves = MODELS[name].waves
    config = {"_class_name": "LatentAutoencoder", "latent_channels": len(waves), **_VAE}
    network = LatentAutoencoder(
        **{key: value for key, value in config.items() if not key.startswith("_")}
    )
    weights = {
        key: np.zeros(tuple(value.shape), np.float32) for key, value in network.state_dict().items()
    }
    weights["encoder.linear.weight"] = _linear(waves)
    weights["decoder.linear.weight"] = _linear(waves)
    tensors = MODELS[name].tables().to_tensors() | {
        "latent_scale": np.ones(len(waves), np.float32),
        "timesteps": np.zeros(QUANTISER_COUNT, np.int32),
    }
    index = {"_class_name": "VideoCodecBundle", "vae": ["videocodec", "LatentAutoencoder"]}
    return {
        "codec/tables.safetensors": save(tensors),
        "model_index.json": json.dumps(index, indent=2).encode(),
        "vae/config.json": json.dumps(config, indent=2).encode(),
        "vae/diffusion_pytorch_model.safetensors": save(weights),
    }


def write_archive(files: dict[str, bytes], path: Path) -> None:
    """A zip file of them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED
            )


assert len(MODELS["four"].waves) == sum(SLICES)
