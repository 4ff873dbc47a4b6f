"""The embedding of the empty prompt, from a pipeline's own text encoder where the transformers
library is installed.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from ..errors import UnknownModelError

_TOKENS = 77  # of CLIP


def empty_prompt(pipeline: Path, width: int) -> tuple[torch.Tensor, str]:
    """(1, tokens, width) float32, and a line that says where it is from.

    Zeros stand in where there is no text encoder or nothing to run it with.  Raises
    ``UnknownModelError`` for one that does not fit.
    """
    folder = pipeline / "text_encoder"
    if not folder.is_dir() or not (pipeline / "tokenizer").is_dir():
        return (
            _zeros(width),
            f"no text_encoder/ and tokenizer/ in {pipeline}: zeros stand in for the empty prompt",
        )
    if find_spec("transformers") is None:
        return (
            _zeros(width),
            (
                "transformers is not installed: zeros stand in for the empty prompt; pip install"
                " transformers mends that"
            ),
        )
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(pipeline / "tokenizer"), local_files_only=True
        )
        encoder = transformers.CLIPTextModel.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, torch_dtype=torch.float32
        )
        # the former is 1e30 if its config has none
        longest = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        tokens = tokenizer(
            "", padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        with torch.inference_mode():
            embedded = encoder.eval()(tokens.input_ids)[0].float()
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RuntimeError,
        ArithmeticError,
        ImportError,
    ) as error:
        raise UnknownModelError(
            f"{folder}: cannot embed the empty prompt ({' '.join(str(error).split())[:150]})"
        ) from error
    if embedded.shape[2] != width:
        raise UnknownModelError(
            f"{folder}: gives {embedded.shape[2]} features a token, the UNet wants {width}: take a"
            " pair"
        )
    return embedded.clone(), f"empty prompt embedded by {folder}"


def _zeros(width: int) -> torch.Tensor:
    return torch.zeros(1, _TOKENS, width)
