"""What a single safetensors file of Stable Diffusion's kin holds, told from the names and shapes of
its tensors; none of them is read.

The names are CompVis' (``encoder.down.0.block.0…``), as A1111 and ComfyUI keep them, diffusers'
(``encoder.down_blocks.0.resnets.0…``), or those of TAESD's two files, which are bare numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..errors import UnknownModelError
from .bundle import PICKLES

AUTOENCODER_PREFIXES = ("first_stage_model.", "vae.", "")  # of checkpoints, and of a VAE alone
UNET_PREFIX = "model.diffusion_model."
_AUTOENCODER_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
_READABLE = ("F32", "F16", "BF16")
# Of a token, by the text encoder: CLIP of 1.x, OpenCLIP of 2.x, both encoders of XL.
_FAMILY_BY_PROMPT = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
_MARKS = {
    "sd3": ("model.diffusion_model.joint_blocks.", "text_encoders.t5xxl."),
    "flux": ("model.diffusion_model.double_blocks.",),
    "sdxl": ("conditioner.embedders.", "model.diffusion_model.label_emb."),
    "sd2": ("cond_stage_model.model.",),
    "sd1": ("cond_stage_model.transformer.",),
}


@dataclass(frozen=True)
class Layout:
    """A file's tensors: the shape of each by its name.  kind: "CompVis" or "diffusers" by
    the autoencoder's names, "tiny" for a whole TAESD in diffusers' names, "encoder" or "decoder"
    for one half of it.  prefix: of the autoencoder's names.
    """

    file: Path
    shapes: Mapping[str, tuple[int, ...]]
    kind: str
    prefix: str

    @classmethod
    def read(cls, file: Path) -> Layout:
        """Raises ``UnknownModelError`` for pickles, for what is no safetensors file or is cut off,
        and where there is no autoencoder in it.
        """
        if file.suffix.lower() in PICKLES:
            raise UnknownModelError(
                f"{file}: refusing pickled weights, which can run programs: convert them to"
                " safetensors (torch.load with weights_only=True, then safetensors.torch.save_file)"
            )
        shapes, kinds = _shapes(file)
        kind, prefix = _kind(file, shapes)
        strange = {kinds[name] for name in _autoencoder_names(shapes, kind, prefix)} - set(
            _READABLE
        )
        if strange:
            raise UnknownModelError(
                f"{file}: holds an autoencoder in {min(strange)}: take one in"
                f" {', '.join(_READABLE)}"
            )
        return cls(file, shapes, kind, prefix)

    @property
    def autoencoder_names(self) -> list[str]:
        """Names of the autoencoder's tensors in the file."""
        return _autoencoder_names(self.shapes, self.kind, self.prefix)

    @property
    def unet_names(self) -> list[str]:
        """Names of the tensors of the network that denoises, none without one."""
        return [name for name in self.shapes if name.startswith(UNET_PREFIX)]

    @property
    def latent_channels(self) -> int:
        """Of the decoder's input, or of the output of TAESD's encoder."""
        if self.kind == "encoder":
            last = max((name for name in self.shapes if name.endswith(".bias")), key=_number_of)
            return self.shapes[last][0]
        first = {
            "decoder": "1.weight",
            "tiny": f"{self.prefix}decoder.layers.0.weight",
        }.get(self.kind, f"{self.prefix}decoder.conv_in.weight")
        return self.shapes[first][1]

    def family(self) -> tuple[str, str]:
        """The family whose configuration fits, and what is uncertain about it, "" if nothing is.

        Raises ``UnknownModelError`` for latents of other widths than 4 and 16.
        """
        if self.kind in ("encoder", "decoder", "tiny"):
            return "taesd", ""
        channels = self.latent_channels
        if channels not in (4, 16):
            raise UnknownModelError(
                f"{self.file}: an autoencoder of {channels} latent channels belongs to no family"
                f" that is known: put its configuration into {self.file.with_suffix('.json').name}"
                " beside it"
            )
        for family, marks in _MARKS.items():
            if any(name.startswith(marks) for name in self.shapes):
                return family, _doubt_of_prediction(family, bool(self.unet_names))
        if width := self._prompt_width():
            family = _FAMILY_BY_PROMPT.get(width, "sd1")
            return family, _doubt_of_prediction(family, True)
        family, other = ("sd1", "sdxl") if channels == 4 else ("flux", "sd3")
        return family, (
            f"taken for {family}: an autoencoder alone may as well be of {other} (--family), which"
            " changes the scale in its config.json and nothing that is coded"
        )

    def _prompt_width(self) -> int:
        """Features of a token that the UNet wants, 0 where there is none."""
        for name in self.unet_names:
            if name.endswith("attn2.to_k.weight"):
                return self.shapes[name][1]
        return 0


def _doubt_of_prediction(family: str, has_unet: bool) -> str:
    if family != "sd2" or not has_unet:
        return ""
    return (
        "taken for sd2, whose UNet predicts velocities: --family sd2-base for one that predicts"
        " noise (512-base)"
    )


def _shapes(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Of all tensors, from the file's header."""
    try:
        with safe_open(str(file), "pt") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118  (no mapping)
            return (
                {name: tuple(one.get_shape()) for name, one in slices.items()},
                {name: str(one.get_dtype()) for name, one in slices.items()},
            )
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UnknownModelError(
            f"{file}: no safetensors file, or one that is cut off ({reason}): fetch it again"
        ) from error


def _kind(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, str]:
    for prefix in AUTOENCODER_PREFIXES:
        if not _has(shapes, f"{prefix}encoder.", f"{prefix}decoder."):
            continue
        if f"{prefix}decoder.layers.0.weight" in shapes:
            return "tiny", prefix
        if f"{prefix}decoder.conv_in.weight" in shapes:
            is_diffusers = _has(shapes, f"{prefix}decoder.up_blocks.")
            return ("diffusers" if is_diffusers else "CompVis"), prefix
    if all(name.partition(".")[0].isdecimal() for name in shapes) and shapes:
        # TAESD's decoder begins with a clamp, which has no weights.
        if "0.weight" in shapes:
            return "encoder", ""
        if "1.weight" in shapes:
            return "decoder", ""
    what = (
        "a network that denoises, without its autoencoder"
        if _has(shapes, UNET_PREFIX) or _has(shapes, "double_blocks.")
        else f"tensors like {min(shapes)[:60]}"
        if shapes
        else "nothing"
    )
    raise UnknownModelError(
        f"{file}: no autoencoder of Stable Diffusion, FLUX or TAESD in this file, it holds {what}"
    )


def _has(names: Iterable[str], *prefixes: str) -> bool:
    """Whether there is a name with each of the prefixes."""
    names = list(names)
    return all(any(name.startswith(prefix) for name in names) for prefix in prefixes)


def _autoencoder_names(names: Iterable[str], kind: str, prefix: str) -> list[str]:
    if kind in ("encoder", "decoder"):
        return list(names)
    parts = tuple(prefix + part for part in _AUTOENCODER_PARTS)
    return [name for name in names if name.startswith(parts)]


def _number_of(name: str) -> int:
    return int(name.partition(".")[0])
