"""The two files of a network's folder, config.json and safetensors: what is checked before a
network is built of them, and how it is said that none can be.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError

from ..errors import UnknownModelError
from .budget import check_config, check_shards
from .strict_json import read_json

# What diffusers and PyTorch raise when they build a network by a config that makes no sense:
# divisions by zero, missing packages and all.
BUILDING_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    ImportError,
    NameError,
    MemoryError,
    SafetensorError,
)


def class_name(folder: Path) -> str:
    """``_class_name`` of the config.json in a folder.  Raises ``UnknownModelError``."""
    return str(read_json(folder / "config.json").get("_class_name"))


def checked_config(folder: Path, weights: Path) -> dict[str, object]:
    """The config.json of a network's folder, empty where it has none.

    weights: the folder of its weights.  Raises ``UnknownModelError`` for a config, or a list of
    shards, that asks for what no network needs.
    """
    file, config = folder / "config.json", {}
    if file.is_file():
        config = read_json(file)
        check_config(config, file)
        if "quantization_config" in config:  # diffusers would look for packages that unpack it
            raise UnknownModelError(
                f"{file}: quantised weights are not supported: take those it was made of"
            )
    check_shards(weights)
    return config


def unloadable(folder: Path, error: BaseException) -> UnknownModelError:
    """What to raise where one of ``BUILDING_ERRORS`` came of the files in a folder."""
    return UnknownModelError(f"{folder}: cannot be loaded ({in_a_line(error)})")


def check_complete(folder: Path, missing: list[str]) -> None:
    """Raise ``UnknownModelError`` if a network's weights lack some of its tensors."""
    if missing:
        raise UnknownModelError(
            f"{folder}: weights are missing ({', '.join(missing[:3])}): the file belongs to"
            " another config.json"
        )


def in_a_line(error: BaseException) -> str:
    """An error's message in at most 200 characters."""
    return " ".join(str(error).split())[:200]
