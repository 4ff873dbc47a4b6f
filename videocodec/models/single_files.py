"""Single safetensors files, as A1111 and ComfyUI users keep them, unpacked into a folder in
diffusers' layout, which is calibrated like any other.

Names are mapped by the functions behind diffusers' ``from_single_file``.  That method itself fills
what a file lacks with random numbers, asks the hub for configurations and builds each network once
more; the folder is loaded and checked by ``loading`` instead.  Configurations are the package's own
(``families/``) or lie beside the file.  Nothing here asks the network, and of a checkpoint only the
tensors that are taken are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import OutputError, UnknownModelError
from .bundle import PICKLES
from .configurations import FAMILIES, configurations
from .layouts import UNET_PREFIX, Layout
from .network_files import in_a_line
from .strict_json import read_json

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_MAPPING_ERRORS = (LookupError, AttributeError, ValueError, TypeError, RuntimeError)

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class UnpackedFile:
    """A folder in diffusers' layout, the family it was taken for, and notes for its owner."""

    folder: Path
    family: str
    notes: list[str]


def is_single_file(source: str | Path | Sequence[str | Path]) -> bool:
    """Whether a source is a file, or a pair of them, and no folder or name on the hub.  What is
    named like a file of weights is never looked for on the hub.
    """
    if not isinstance(source, str | Path):
        return True
    file = Path(source)
    named = file.suffix.lower() in {".safetensors", *PICKLES}
    return file.is_file() or (named and not file.is_dir())


def source_files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """One path or two as a list."""
    return [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]


def unpack(
    source: str | Path | Sequence[str | Path], folder: Path, family: str | None = None
) -> UnpackedFile:
    """Write vae/, and unet/ and scheduler/ of Stable Diffusion 1.x and 2.x, into a new folder.

    source: a file, or the two of TAESD in either order; of these one alone is enough where the
    other lies beside it.  family: one of ``FAMILIES``, without it told from the file.

    Raises ``UnknownModelError``, ``OutputError``.
    """
    if family is not None and family not in FAMILIES:
        raise UnknownModelError(f"no family {family!r}: there are {', '.join(FAMILIES)}")
    layouts = _layouts(source)
    first = layouts[0]
    beside = _config_beside(first.file)
    if family is None:
        family, doubt = ("", "") if beside and not first.unet_names else first.family()
    else:
        doubt = ""
    configs = configurations(family) if family else {}
    config = _autoencoder_config(first, configs.get("vae", {}), beside, family)
    notes = [f"{first.file}: {doubt}"] if doubt else []
    _write(folder / "vae", _autoencoder(layouts, config), config)
    if first.unet_names:
        if "unet" in configs:
            _take_unet(first, configs, folder)
        else:
            notes.append(
                f"{first.file}: the network that denoises is left out, videocodec cannot restore"
                f" with that of {family}: the autoencoder alone is taken"
            )
    return UnpackedFile(folder, family, notes)


def _layouts(source: str | Path | Sequence[str | Path]) -> list[Layout]:
    """One, or the encoder's and the decoder's."""
    files = source_files(source)
    for file in files:
        if not file.is_file():
            raise UnknownModelError(f"{file}: no such file (folders are given alone)")
    layouts = [Layout.read(file) for file in files]
    kinds = [layout.kind for layout in layouts]
    if len(layouts) == 1 and kinds[0] in ("encoder", "decoder"):
        layouts.append(Layout.read(_other_half(layouts[0])))
        kinds = [layout.kind for layout in layouts]
    if len(layouts) == 1:
        return layouts
    if sorted(kinds) != ["decoder", "encoder"]:
        raise UnknownModelError(
            f"{files[0]}: of two files one must be TAESD's encoder and one its decoder, these are"
            f" {' and '.join(kinds)}"
        )
    layouts.sort(key=lambda layout: layout.kind, reverse=True)
    if layouts[0].latent_channels != layouts[1].latent_channels:
        raise UnknownModelError(
            f"{layouts[0].file}: makes {layouts[0].latent_channels} latent channels,"
            f" {layouts[1].file.name} takes {layouts[1].latent_channels}: take a pair"
        )
    return layouts


def _other_half(half: Layout) -> Path:
    """The file beside one of TAESD's."""
    other = "decoder" if half.kind == "encoder" else "encoder"
    file = half.file.with_name(half.file.name.replace(half.kind, other))
    if file == half.file or not file.is_file():
        raise UnknownModelError(
            f"{half.file}: only TAESD's {half.kind}: put its {other} beside it (taesd_{other}"
            ".safetensors), or give both files"
        )
    return file


def _config_beside(file: Path) -> dict[str, object]:
    """Of an autoencoder, in a JSON file of the same name, or of diffusers' own beside its own;
    empty where there is none.  A1111 keeps remarks of its user in files of that name, too.
    """
    names = [file.with_suffix(".json").name]
    if file.name.startswith("diffusion_pytorch_model"):
        names.append("config.json")
    for name in names:
        if (file.parent / name).is_file():
            config = read_json(file.parent / name)
            if config.get("_class_name") in ("AutoencoderKL", "AutoencoderTiny"):
                return config
    return {}


def _autoencoder_config(
    layout: Layout, ours: dict[str, object], beside: dict[str, object], family: str
) -> dict[str, object]:
    """The one to build the autoencoder by.  Raises ``UnknownModelError`` for one that does not
    fit.
    """
    config = dict(beside or ours)
    name = "AutoencoderTiny" if layout.kind in ("encoder", "decoder", "tiny") else "AutoencoderKL"
    channels = layout.latent_channels
    if family == "taesd" and not beside:
        config["latent_channels"] = channels  # TAESD's kin differ in nothing else
    if (config.get("_class_name"), config.get("latent_channels")) != (name, channels):
        raise UnknownModelError(
            f"{layout.file}: an {name} of {channels} latent channels, and"
            f" {'the configuration beside it' if beside else f'family {family}'} is of an"
            f" {config.get('_class_name')} of {config.get('latent_channels')}"
        )
    return config


def _autoencoder(layouts: list[Layout], config: dict[str, object]) -> Tensors:
    """Its tensors by diffusers' names, in the precision that they have in the file."""
    layout = layouts[0]
    if len(layouts) == 2:
        encoder, decoder = (_read(one, one.autoencoder_names) for one in layouts)
        named = {f"encoder.layers.{name}": tensor for name, tensor in encoder.items()}
        for name, tensor in decoder.items():
            number, _, rest = name.partition(".")
            # diffusers' class clamps before its layers, TAESD's in the first of them
            named[f"decoder.layers.{int(number) - 1}.{rest}"] = tensor
        return named
    tensors = _read(layout, layout.autoencoder_names)
    if layout.kind == "CompVis":
        from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

        return _mapped(layout, convert_ldm_vae_checkpoint, tensors, config)
    return {name.removeprefix(layout.prefix): tensor for name, tensor in tensors.items()}


def _take_unet(layout: Layout, configs: dict[str, dict[str, object]], folder: Path) -> None:
    """Write the UNet and its noise schedule."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    tensors = _read(layout, layout.unet_names)
    first = tensors.get(f"{UNET_PREFIX}input_blocks.0.0.weight")
    config = dict(configs["unet"])
    beside = layout.file.with_suffix(".unet.json")
    if beside.is_file():
        config |= read_json(beside)
    if first is not None:
        config["in_channels"] = first.shape[1]  # more of the inpainting variants
    _write(folder / "unet", _mapped(layout, convert_ldm_unet_checkpoint, tensors, config), config)
    (folder / "scheduler").mkdir()
    _dump(configs["scheduler"], folder / "scheduler" / "scheduler_config.json")


def _read(layout: Layout, names: Sequence[str]) -> Tensors:
    """Those tensors alone.  Raises ``UnknownModelError``."""
    try:
        with safe_open(str(layout.file), "pt") as tensors:
            return {name: tensors.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise UnknownModelError(f"{layout.file}: cannot be read ({in_a_line(error)})") from error


def _mapped(
    layout: Layout,
    mapping: Callable[..., dict[str, torch.Tensor | None]],
    tensors: Tensors,
    config: dict[str, object],
) -> Tensors:
    """By diffusers' names; what is missing is found when the network is loaded."""
    try:
        mapped = mapping(checkpoint=tensors, config=config)
    except _MAPPING_ERRORS as error:
        raise UnknownModelError(
            f"{layout.file}: its tensors are not named as in Stable Diffusion's files"
            f" ({in_a_line(error)})"
        ) from error
    return {name: tensor for name, tensor in mapped.items() if tensor is not None}


def _write(folder: Path, tensors: Tensors, config: dict[str, object]) -> None:
    """A network's folder.  Raises ``OutputError``."""
    try:
        folder.mkdir(parents=True)
        _dump(config, folder / "config.json")
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()},
            str(folder / _WEIGHTS),
            metadata={"format": "pt"},
        )
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"{folder}: cannot be written ({in_a_line(error)}): check the disk"
        ) from error


def _dump(config: dict[str, object], file: Path) -> None:
    file.write_text(json.dumps(config, indent=2) + "\n")
