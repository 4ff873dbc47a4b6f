"""What the corpus reaches, by counting; and that the counting counts."""

from __future__ import annotations

import pytest

from . import corpus
from .coverage import measure
from .editions import EDITIONS


@pytest.mark.parametrize(("version", "least"), [(1, 700), (2, 1100)])
def test_the_corpus_reaches_every_element(version: int, least: int) -> None:
    needed, counts = EDITIONS[version].required(), measure(version)
    assert [key for key in needed if not counts[key]] == []
    assert len(needed) == len(set(needed)) > least


def missing_without(version: int, *names: str) -> set[str]:
    """What these files alone do not reach."""
    chosen = [stream for stream in corpus.streams((version,)) if stream.name in names]
    counts = measure(version, chosen)
    return {key for key in EDITIONS[version].required() if not counts[key]}


def test_without_files_of_version_1_there_are_gaps() -> None:
    missing = missing_without(1, "chain", "keyframes")
    assert {
        "structure hierarchy",
        "hierarchy of 16",
        "mode skip, two references, first stage",
        "sound beside it",
        "16 channels",
    } <= missing
    assert (
        not {
            "structure chain",
            "quantiser 24",
            "mode generate, one reference, edge stage",
            "square of 4: merged, pass 0, one reference",
        }
        & missing
    )


def test_without_files_of_version_2_there_are_gaps() -> None:
    missing = missing_without(2, "chain", "slices", "quantisers")
    assert {
        "structure hierarchy",
        "local_offset otherwise, table 3, inter frame",
        "slice_count 6",
        "square of 8 blocks: merged, pass 1",
        "context network, a hidden unit above its limit",
        "blocks of 64 px",
    } <= missing
    assert (
        not {
            "structure chain",
            "slice_count 3",
            "quantiser 127",
            "a frame that moves",
            "pass of stride 1, odd_sum: some positions",
            "difference network after 3 channels",
        }
        & missing
    )
