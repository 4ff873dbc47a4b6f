"""Embeddings of the empty prompt and of captions, from a pipeline's own text encoder where the
transformers library is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from ..errors import UnknownModelError
from .files import has_text_encoder

_TOKENS = 77  # of CLIP
_REASONS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    ImportError,
)


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
    return TextEncoder(pipeline, width).embed(""), f"empty prompt embedded by {folder}"


class TextEncoder:
    """A pipeline's own text encoder and tokenizer (CLIP), by the transformers library.

    pipeline: the folder that holds ``text_encoder`` and ``tokenizer``.
    width: features of a token that the UNet wants.

    Raises ``UnknownModelError`` where it cannot be loaded or does not fit.
    """

    def __init__(self, pipeline: Path, width: int) -> None:
        import transformers

        self._folder, self._width = pipeline / "text_encoder", width
        with self._errors():
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(pipeline / "tokenizer"), local_files_only=True
            )
            self._encoder = transformers.CLIPTextModel.from_pretrained(
                str(self._folder),
                local_files_only=True,
                use_safetensors=True,
                torch_dtype=torch.float32,
            ).eval()

    def embed(self, text: str) -> torch.Tensor:
        """(1, tokens, width) float32 of a text; what is longer than the encoder takes is cut."""
        with self._errors(), torch.inference_mode():
            # the former is 1e30 if its config has none
            longest = min(
                self._tokenizer.model_max_length, self._encoder.config.max_position_embeddings
            )
            tokens = self._tokenizer(
                text, padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
            )
            embedded: torch.Tensor = self._encoder(tokens.input_ids)[0].float()
        if embedded.shape[2] != self._width:
            raise UnknownModelError(
                f"{self._folder}: gives {embedded.shape[2]} features a token, the UNet wants"
                f" {self._width}: take a pair"
            )
        return embedded.clone()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What libraries raise for files that make no sense becomes one line."""
        try:
            yield
        except _REASONS as error:
            raise UnknownModelError(
                f"{self._folder}: cannot embed a prompt ({' '.join(str(error).split())[:150]})"
            ) from error


def takes_words(bundle: Path) -> bool:
    """Whether captions of a stream condition the network of a bundle's folder here: a stock UNet
    with a text encoder beside it, and the library that runs that.
    """
    return has_text_encoder(bundle) and find_spec("transformers") is not None


def _zeros(width: int) -> torch.Tensor:
    return torch.zeros(1, _TOKENS, width)
