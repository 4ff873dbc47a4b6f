"""The empty prompt: embedded by the pipeline's own text encoder where transformers is there, else
zeros that are said to be zeros.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models import prompt
from videocodec.models.prompt import TextEncoder, empty_prompt, takes_words


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """With a text encoder and a tokenizer to look at."""
    for part in ("text_encoder", "tokenizer"):
        (tmp_path / part).mkdir()
    return tmp_path


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A stand-in for the library, which is not installed here: what it was asked for."""
    told: dict = {}

    class Tokenizer:
        model_max_length = 77

        @classmethod
        def from_pretrained(cls, folder: str, **options: object) -> Tokenizer:
            told["tokenizer"] = (folder, options)
            return cls()

        def __call__(self, text: str, **options: object) -> SimpleNamespace:
            told["text"] = (text, options)
            return SimpleNamespace(input_ids=torch.arange(77)[None])

    class Encoder(torch.nn.Module):
        config = SimpleNamespace(max_position_embeddings=77)

        @classmethod
        def from_pretrained(cls, folder: str, **options: object) -> Encoder:
            if told.get("fails"):
                raise OSError("no file named\nmodel.safetensors")
            told["encoder"] = (folder, options)
            return cls()

        def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor]:
            return (tokens[..., None].double().repeat(1, 1, 6),)

    library = ModuleType("transformers")
    library.AutoTokenizer, library.CLIPTextModel = Tokenizer, Encoder
    monkeypatch.setitem(sys.modules, "transformers", library)
    monkeypatch.setattr(prompt, "find_spec", lambda name: True)
    return told


def test_the_text_encoder_embeds_nothing_at_all(pipeline: Path, transformers: dict) -> None:
    embedded, note = empty_prompt(pipeline, 6)
    assert (embedded.shape, embedded.dtype) == ((1, 77, 6), torch.float32)
    assert torch.equal(embedded[0, :, 0], torch.arange(77.0))
    assert note == f"empty prompt embedded by {pipeline / 'text_encoder'}"
    assert transformers["text"][0] == "" and transformers["text"][1]["padding"] == "max_length"
    assert transformers["encoder"] == (
        str(pipeline / "text_encoder"),
        {"local_files_only": True, "use_safetensors": True, "torch_dtype": torch.float32},
    )
    assert transformers["tokenizer"][1]["local_files_only"] is True


def test_a_text_encoder_of_another_width_is_refused(pipeline: Path, transformers: dict) -> None:
    with pytest.raises(
        UnknownModelError, match="gives 6 features a token, the UNet wants 8: take a pair"
    ):
        empty_prompt(pipeline, 8)


def test_a_text_encoder_that_cannot_be_loaded_is_one_line(
    pipeline: Path, transformers: dict
) -> None:
    transformers["fails"] = True
    with pytest.raises(
        UnknownModelError,
        match="text_encoder: cannot embed a prompt .no file named model.safetensors.",
    ) as error:
        empty_prompt(pipeline, 6)
    assert "\n" not in str(error.value)


def test_without_the_library_zeros_stand_in_and_are_said_to(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "find_spec", lambda name: None)
    embedded, note = empty_prompt(pipeline, 8)
    assert torch.equal(embedded, torch.zeros(1, 77, 8))
    assert "transformers is not installed: zeros stand in" in note


def test_without_a_text_encoder_too(tmp_path: Path) -> None:
    embedded, note = empty_prompt(tmp_path, 8)
    assert torch.equal(embedded, torch.zeros(1, 77, 8))
    assert "zeros stand in" in note and str(tmp_path) in note


@pytest.mark.parametrize(("said", "expected"), [(77, 77), (int(1e30), 77), (16, 16)])
def test_the_prompt_is_as_long_as_tokenizer_and_encoder_can(
    pipeline: Path, transformers: dict, said: int, expected: int
) -> None:
    """Without model_max_length in its config a tokenizer says 1e30, which no tensor can hold."""
    sys.modules["transformers"].AutoTokenizer.model_max_length = said
    empty_prompt(pipeline, 6)
    assert transformers["text"][1]["max_length"] == expected


def test_words_are_embedded_as_the_empty_prompt_is(pipeline: Path, transformers: dict) -> None:
    embedded = TextEncoder(pipeline, 6).embed("a dog")
    assert (embedded.shape, transformers["text"][0]) == ((1, 77, 6), "a dog")
    assert transformers["text"][1]["truncation"] is True


def test_words_need_a_unet_its_text_encoder_and_the_library(
    pipeline: Path, transformers: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not takes_words(pipeline)
    (pipeline / "text_encoder" / "config.json").write_text("{}")
    (pipeline / "unet").mkdir()
    (pipeline / "unet" / "conditioning.safetensors").touch()
    assert takes_words(pipeline)
    monkeypatch.setattr(prompt, "find_spec", lambda name: None)
    assert not takes_words(pipeline)
