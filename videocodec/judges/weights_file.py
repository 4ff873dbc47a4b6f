"""Reading the weights of a judge from a safetensors file that the user names."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import UnknownModelError


def load_checked(
    file: Path, shapes: dict[str, tuple[int, ...]], contents: str
) -> dict[str, torch.Tensor]:
    """The tensors called as in ``shapes``, float32, each of the shape it has there.

    contents: what the file should hold, for the error line.  Other tensors in it are left out.
    Raises ``UnknownModelError`` for a file that is missing, is no safetensors file, or lacks a
    tensor.
    """
    remedy = f"give a safetensors file with the weights of {contents}"
    if not file.is_file():
        raise UnknownModelError(f"{file}: no such file: {remedy}")
    try:
        tensors = load_file(str(file))
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UnknownModelError(f"{file}: not a safetensors file ({reason}): {remedy}") from error
    for name, shape in shapes.items():
        actual = tuple(tensors[name].shape) if name in tensors else None
        if actual != shape:
            problem = (
                "is missing" if actual is None else f"is {_sides(actual)}, not {_sides(shape)}"
            )
            raise UnknownModelError(f"{file}: {name} {problem}: {remedy}")
    return {name: tensors[name].float() for name in shapes}


def _sides(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"
