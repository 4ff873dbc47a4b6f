"""The words of a stream as prompts of its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import torch

from bitstream.container import Caption, StreamReader, caption_at
from bitstream.errors import CaptionsError

from ..decoded import DecodedLatents
from ..models.prompt import TextEncoder, takes_words

_KEPT = 8  # embeddings; frames come in order, and a window of them has seldom more than two


class Words:
    """Embeds the captions of a stream.

    captions: of the stream, in order.
    time_base: seconds of a tick.
    embed: a text → (1, tokens, features) float32.
    """

    def __init__(
        self, captions: Sequence[Caption], time_base: Fraction, embed: Callable[[str], torch.Tensor]
    ) -> None:
        self._captions, self._time_base = captions, time_base
        self._embed = lru_cache(maxsize=_KEPT)(embed)

    @classmethod
    def of(
        cls, captions: Sequence[Caption], time_base: Fraction, bundle: Path, width: int
    ) -> Words:
        """By the text encoder of a bundle's folder, for a UNet that takes tokens of so many
        features.  Raises ``UnknownModelError``.
        """
        return cls(captions, time_base, TextEncoder(bundle, width).embed)

    def prompts(self, frames: Sequence[DecodedLatents], device: torch.device) -> torch.Tensor:
        """(n, tokens, features): what the words say of frames; before the first of them, the empty
        prompt.
        """
        texts = [caption_at(self._captions, frame.pts * self._time_base) or "" for frame in frames]
        return torch.cat([self._embed(text) for text in texts]).to(device)


def captions_that_count(reader: StreamReader, bundle: Path) -> tuple[Caption, ...]:
    """The captions of a stream, if a bundle's folder has what they condition and they are whole."""
    try:
        return reader.captions() if takes_words(bundle) else ()
    except CaptionsError:
        return ()
