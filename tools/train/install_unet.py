"""Put a trained temporal UNet into a bundle, with the noise schedule it was trained for.

    python -m tools.train.install_unet --unet TRAINING_OUTPUT --bundle DIR

Writes ``unet/``, ``scheduler/``, the autoencoder's ``scaling_factor`` (the UNet works on latents of
unit variance), its decoder if that was trained along, and ``model_index.json``.  The bundle gets
another identity: streams made before need the bundle as it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file

from tools.train.unet import DECODER_FILE, latent_deviation
from videocodec.models.bundle import ModelBundle
from videocodec.models.loading import load_network
from videocodec.models.temporal_unet import TemporalUNet


def install(unet: Path, folder: Path) -> str:
    """Write the parts into the bundle's folder → its new SHA-256."""
    bundle = ModelBundle.find(folder)
    model = load_network(unet / "unet", TemporalUNet)
    schedule = {
        name: model.config[name]
        for name in ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
    }
    scheduler = DDIMScheduler(**schedule, prediction_type="sample", clip_sample=False)
    _install_decoder(unet / DECODER_FILE, folder / "vae" / "diffusion_pytorch_model.safetensors")
    shutil.rmtree(folder / "unet", ignore_errors=True)
    model.register_to_config(_name_or_path="")  # where it lay on this machine is nobody's business
    model.half().save_pretrained(str(folder / "unet"))
    scheduler.save_pretrained(str(folder / "scheduler"))
    _edit(
        folder / "vae" / "config.json",
        scaling_factor=round(1 / latent_deviation(bundle.timesteps), 4),
    )
    _edit(
        folder / "model_index.json",
        unet=["videocodec", "TemporalUNet"],
        scheduler=["diffusers", "DDIMScheduler"],
    )
    return ModelBundle.find(folder).sha256


def _install_decoder(trained: Path, autoencoder: Path) -> None:
    """Put the decoder's weights, if there are any, in the place of those the autoencoder has."""
    if trained.is_file():
        save_file(
            load_file(str(autoencoder)) | load_file(str(trained)),
            str(autoencoder),
            {"format": "pt"},
        )


def _edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--unet", type=Path, required=True, help="output folder of tools/train/unet.py"
    )
    parser.add_argument("--bundle", type=Path, required=True)
    args = parser.parse_args()
    print(f"{args.bundle}: model {install(args.unet, args.bundle)[:16]}")


if __name__ == "__main__":
    main()
