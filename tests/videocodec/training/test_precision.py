"""Which number format networks learn in follows from what the processor does fast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from videocodec.training.precision import autocast, fast_format


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    fast_format.cache_clear()
    yield
    fast_format.cache_clear()


def product(device: str) -> torch.dtype:
    """The format that a product of float32 matrices comes out in."""
    ones = torch.ones(2, 2)
    with autocast(torch.device(device)):
        return (ones @ ones).dtype


@pytest.mark.parametrize(
    ("capabilities", "wanted"),
    [
        ({"amx_bf16": True}, torch.bfloat16),
        ({"amx_bf16": False, "avx512_bf16": True}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_cpus_work_in_bfloat16_where_they_have_tiles(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], wanted: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert fast_format("cpu") is wanted
    assert product("cpu") is wanted


def test_a_torch_that_does_not_tell_works_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert fast_format("cpu") is torch.float32


def test_graphics_processors_work_in_bfloat16() -> None:
    assert fast_format("cuda") is torch.bfloat16
