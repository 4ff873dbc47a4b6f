"""Small models of random weights, written as the single files that A1111 and ComfyUI users keep:
CompVis' names and layouts, or TAESD's two files.

There are no trained ones here.  The names are made from diffusers' by the inverse of the map that
CompVis' converter documents, written out apart from the code under test.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import save_file

from .stock_models import unet

# Tensors that tell the families' checkpoints apart, with shapes of a few numbers.
MARKS = {
    "sd1": {"cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 7)},
    "sd2": {"cond_stage_model.model.token_embedding.weight": (3, 1024)},
    "sdxl": {"conditioner.embedders.1.model.ln_final.weight": (5,)},
    "sd3": {"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": (9, 3)},
    "flux": {"model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (9, 3)},
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_LEVELS = 4


def autoencoder(channels: int, *, quant: bool = True, **config: object) -> AutoencoderKL:
    """Stable Diffusion's, of a few channels a layer; quant: with its two 1×1 layers."""
    torch.manual_seed(channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * _LEVELS,
        up_block_types=("UpDecoderBlock2D",) * _LEVELS,
        block_out_channels=(4, 8, 8, 8),
        layers_per_block=2,
        norm_num_groups=4,
        latent_channels=channels,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
        **{"scaling_factor": 0.5, **config},
    )


def compvis_names(model: AutoencoderKL) -> dict[str, torch.Tensor]:
    """Its weights as in CompVis' files: attention by 1×1 convolutions, levels of the decoder from
    the picture inwards.
    """
    named = {}
    for name, tensor in model.state_dict().items():
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        for new, old in (("resnets.", "block."), ("upsamplers.0", "upsample")):
            name = re.sub(
                rf"up_blocks\.(\d)\.{new}",
                lambda m, old=old: f"up.{_LEVELS - 1 - int(m[1])}.{old}",
                name,
            )
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1")
            for new, old in _ATTENTION.items():
                name = name.replace(f".{new}.", f".{old}.")
            tensor = tensor[:, :, None, None] if tensor.ndim == 2 else tensor
        named[name] = tensor.clone()
    return named


def write(file: Path, tensors: dict[str, torch.Tensor], precision: torch.dtype) -> Path:
    """As safetensors; floating point in that precision."""
    save_file(
        {
            name: (tensor.to(precision) if tensor.is_floating_point() else tensor).contiguous()
            for name, tensor in tensors.items()
        },
        str(file),
    )
    return file


def config_beside(file: Path, model: AutoencoderKL | AutoencoderTiny) -> None:
    """The configuration of a model smaller than any family's."""
    config = {"_class_name": type(model).__name__, **model.config}
    file.with_suffix(".json").write_text(json.dumps(config))


def checkpoint(file: Path, family: str, precision: torch.dtype = torch.float16) -> Path:
    """A checkpoint that holds an autoencoder, a part of a network that denoises, and a text
    encoder, with the autoencoder's configuration beside it.
    """
    large = family in ("sd3", "flux")
    model = autoencoder(16 if large else 4, quant=not large)
    tensors = {f"first_stage_model.{n}": t for n, t in compvis_names(model).items()}
    tensors |= {name: torch.ones(shape) for name, shape in MARKS[family].items()}
    if family == "sdxl":
        tensors["model.diffusion_model.label_emb.0.0.weight"] = torch.ones(2, 2)
    tensors["model_ema.num_updates"] = torch.tensor(3)
    config_beside(file, model)
    return write(file, tensors, precision)


def compvis_unet() -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """A UNet of two levels with a layer each, by CompVis' names, and its configuration."""
    model = unet(4)
    layers = {  # by the order in which CompVis counts its blocks
        "conv_in": "input_blocks.0.0",
        "down_blocks.0.resnets.0": "input_blocks.1.0",
        "down_blocks.0.attentions.0": "input_blocks.1.1",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
        "down_blocks.1.resnets.0": "input_blocks.3.0",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "up_blocks.0.resnets.0": "output_blocks.0.0",
        "up_blocks.0.resnets.1": "output_blocks.1.0",
        "up_blocks.0.upsamplers.0.conv": "output_blocks.1.1.conv",
        "up_blocks.1.resnets.0": "output_blocks.2.0",
        "up_blocks.1.attentions.0": "output_blocks.2.1",
        "up_blocks.1.resnets.1": "output_blocks.3.0",
        "up_blocks.1.attentions.1": "output_blocks.3.1",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    within = {
        ".norm1.": ".in_layers.0.",
        ".conv1.": ".in_layers.2.",
        ".time_emb_proj.": ".emb_layers.1.",
        ".norm2.": ".out_layers.0.",
        ".conv2.": ".out_layers.3.",
        ".conv_shortcut.": ".skip_connection.",
    }
    named = {}
    for name, tensor in model.state_dict().items():
        new = next(new for new in layers if name.startswith(f"{new}."))
        name = layers[new] + name[len(new) :]
        if ".resnets." in new:
            for there, here in within.items():
                name = name.replace(there, here)
        named[f"model.diffusion_model.{name}"] = tensor.clone()
    return named, dict(model.config)


def taesd(channels: int = 4) -> AutoencoderTiny:
    """TAESD's class, narrow, with as many blocks as TAESD has."""
    torch.manual_seed(channels)
    return AutoencoderTiny(
        latent_channels=channels,
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
    )


def write_taesd(
    folder: Path, model: AutoencoderTiny, precision: torch.dtype = torch.float32
) -> tuple[Path, Path]:
    """Its encoder and its decoder, as they are published, and the configuration beside each."""
    files = []
    for half, shift in (("encoder", 0), ("decoder", 1)):
        file, tensors = folder / f"taesd_{half}.safetensors", {}
        for name, tensor in getattr(model, half).layers.state_dict().items():
            number, _, rest = name.partition(".")
            tensors[f"{int(number) + shift}.{rest}"] = tensor.clone()
        files.append(write(file, tensors, precision))
        config_beside(file, model)
    return files[0], files[1]
