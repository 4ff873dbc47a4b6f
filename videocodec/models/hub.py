"""Models on the Hugging Face hub: fetched only when somebody asks for one by its name.

No torch here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UnknownModelError
from .files import POST_FILTER, UPSCALER

_NETWORK_FOLDERS = ("vae", "unet", "motion_adapter")
BUNDLE_INDEX = ("model_index.json", "codec/*")  # enough to tell whether it is a bundle
BUNDLE_FILES = (
    *BUNDLE_INDEX,
    *(f"{part}/*.{kind}" for part in _NETWORK_FOLDERS for kind in ("json", "safetensors")),
    "scheduler/*.json",
    f"{UPSCALER}/*.json",
    f"{UPSCALER}/*.safetensors",
    f"{POST_FILTER}/*.safetensors",
)
# Of a pipeline; or, for an autoencoder alone, what lies at the top.
SOURCE_FILES = (
    "model_index.json",
    "config.json",
    "diffusion_pytorch_model*.safetensors",
    *(
        f"{part}/{name}"
        for part in _NETWORK_FOLDERS
        for name in ("config.json", "diffusion_pytorch_model*.safetensors")
    ),
    "*/diffusion_pytorch_model.safetensors.index.json",
    "scheduler/*.json",
)
TEXT_FILES = ("text_encoder/config.json", "text_encoder/model*.safetensors", "tokenizer/*")
_VARIANTS = ("*.non_ema.*", "*.fp16.*")


def is_hub_name(text: str) -> bool:
    """Whether this could be the name of a model on the hub, ``org/name``."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", text) is not None and ".." not in text


def fetch(name: str, patterns: Sequence[str], instead: str) -> Path:
    """Folder of the hub's cache with the files of a model that match.

    instead: what to do without network, the end of the error's line.  Raises ``UnknownModelError``.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=list(patterns), ignore_patterns=list(_VARIANTS)
            )
        )
    except GatedRepoError as error:
        raise UnknownModelError(
            f"{name}: its owner asks for an agreement first: accept it on huggingface.co, log in"
            " with hf"
        ) from error
    except RepositoryNotFoundError as error:
        raise UnknownModelError(
            f"{name}: no folder here, and no public model of that name on huggingface.co"
        ) from error
    except Exception as error:  # whatever a network and its libraries come up with
        reason = type(error).__name__
        raise UnknownModelError(
            f"{name}: no folder here, and huggingface.co cannot be reached ({reason}): {instead}"
        ) from error
