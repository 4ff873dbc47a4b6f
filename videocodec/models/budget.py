"""A limit on what a config.json may ask for: no more than its weights fill, and no files but its
own.

Configs come with bundles, and bundles with strangers' files.  A network is built by its config
before its weights are read, so that a line in it could take all memory, or all day.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open

from ..errors import UnknownModelError
from .strict_json import read_json

if TYPE_CHECKING:
    import torch

MAX_NUMBER = 1 << 16  # of any in a config: widths, layers, timesteps
_SHARD = re.compile(r"diffusion_pytorch_model-\d{5}-of-\d{5}\.safetensors")
# Some buffers are not among the weights, and of tied weights only one is stored.
_FACTOR, _MORE_ELEMENTS, _MORE_TENSORS = 2, 1 << 22, 1000


def check_config(config: object, file: Path) -> None:
    """Raise ``UnknownModelError`` if there is a number in a config that no network needs."""
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
        elif isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            # no number at all is none that is allowed
            # an integer may be too long for the former
            shown = f"{value:g}" if abs(value) < 1 << 63 else str(value)[:30]
            raise UnknownModelError(f"{file}: asks for {shown}, at most {MAX_NUMBER} is allowed")


def check_shards(folder: Path) -> None:
    """Raise ``UnknownModelError`` if the list of a network's shards, where there is one, names
    files that are not its own.
    """
    file = folder / "diffusion_pytorch_model.safetensors.index.json"
    if not file.is_file():
        return
    shards = read_json(file).get("weight_map")
    if not isinstance(shards, dict):
        raise UnknownModelError(f"{file}: cannot be read (no weight_map in it)")
    for name in shards.values():
        if not isinstance(name, str) or not _SHARD.fullmatch(name):
            raise UnknownModelError(f"{file}: {str(name)[:100]!r} is no shard of this network")


@contextmanager
def within_weights(folder: Path) -> Iterator[None]:
    """A context in which this thread builds a network; raises ``UnknownModelError`` once it is
    larger than the weights in the folder, ``SafetensorError`` if these cannot be read.  Without
    weights there is no limit, for then none is built.
    """
    files = list(folder.glob("diffusion_pytorch_model*.safetensors"))
    tensors = elements = 0
    for file in files:
        with safe_open(str(file), "numpy") as weights:
            shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118  (no mapping)
        tensors, elements = tensors + len(shapes), elements + sum(map(prod, shapes))
    left = {
        "tensors": _FACTOR * tensors + _MORE_TENSORS,
        "elements": _FACTOR * elements + _MORE_ELEMENTS,
    }
    thread = threading.get_ident()

    def count(module: torch.nn.Module, name: str, value: torch.Tensor | None) -> None:
        if value is None or threading.get_ident() != thread:
            return
        left["tensors"] -= 1
        left["elements"] -= value.numel()
        if min(left.values()) < 0:
            raise UnknownModelError(
                "its config.json asks for a larger network than its weights are of"
            )

    if not files:
        yield
        return
    # Here, so that configs are checked without PyTorch, whose import takes seconds.
    from torch.nn.modules.module import (
        register_module_buffer_registration_hook,
        register_module_parameter_registration_hook,
    )

    # Called before a parameter is filled: memory that was only reserved is not taken yet.
    hooks = (
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
