"""The weights of LPIPS with SqueezeNet 1.1 from the package ``lpips``, as the one safetensors file
that this project takes.

The package's network wants pictures in [-1, 1], less a mean and divided by a deviation a channel;
ours wants grey levels of 0 to 255 less another mean.  The difference goes into the first
convolution, which is not padded, so that both give the same figures.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from ..errors import MissingPackageError, OutputError, OutputExistsError
from .lpips import MEAN_RGB

# Where SqueezeNet's layers are in the package's network.
_LAYERS = {"fire2": "slice2.3", "fire3": "slice2.4", "fire4": "slice3.6", "fire5": "slice3.7"}
_LAYERS |= {"fire6": "slice4.9", "fire7": "slice5.10", "fire8": "slice6.11", "fire9": "slice7.12"}
_PARTS = {"squeeze1x1": "squeeze", "expand1x1": "expand1x1", "expand3x3": "expand3x3"}


def converted(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state of ``lpips.LPIPS(net="squeeze")`` → tensors as ``LpipsSqueeze`` wants them.

    Raises ``KeyError`` for another network's.
    """
    shift, scale = (
        state[f"scaling_layer.{name}"].double().reshape(1, 3, 1, 1) for name in ("shift", "scale")
    )
    weight, bias = state["net.slice1.0.weight"].double(), state["net.slice1.0.bias"].double()
    scaled = weight / (127.5 * scale)
    mean = torch.tensor(MEAN_RGB, dtype=torch.float64).reshape(1, 3, 1, 1)
    # weight · ((x - shift) / scale) = ours · (127.5 x + 127.5 - mean) + what is left, for every x
    left = -(weight * (shift / scale)).sum((1, 2, 3)) - (scaled * (127.5 - mean)).sum((1, 2, 3))
    tensors = {"conv1.weight": scaled, "conv1.bias": bias + left}
    for fire, layer in _LAYERS.items():
        for name, part in _PARTS.items():
            for kind in ("weight", "bias"):
                tensors[f"{fire}.{name}.{kind}"] = state[f"net.{layer}.{part}.{kind}"]
    tensors |= {f"lin{i}.weight": state[f"lin{i}.model.1.weight"] for i in range(7)}
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}


def write_weights(output: Path, overwrite: bool = False) -> None:
    """Write the weights that the package ``lpips`` brings, for ``LpipsSqueeze``.

    Raises ``MissingPackageError`` without the package, ``OutputExistsError``, and ``OutputError``
    where the file cannot be written.
    """
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists: pass -y to overwrite")
    try:
        import lpips
    except ImportError as error:
        raise MissingPackageError("the package lpips is needed: pip install lpips") from error
    tensors = converted(lpips.LPIPS(net="squeeze", verbose=False).state_dict())
    partial = output.with_name(output.name + ".part")
    try:
        save_file(tensors, str(partial))
        partial.replace(output)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{output}: cannot be written ({error}): check disk and name") from error
