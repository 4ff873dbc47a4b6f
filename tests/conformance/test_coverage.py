"""What the corpus reaches, by counting; and that the counting counts."""

from __future__ import annotations

from . import corpus, second_elements
from .coverage import measure
from .elements import required
from .second_coverage import SecondSeen


def test_the_corpus_reaches_every_element() -> None:
    counts = measure([stream for stream in corpus.streams() if stream.version == 1])
    assert [key for key in required() if not counts[key]] == []
    assert len(required()) == len(set(required())) > 700


def test_without_files_there_are_gaps() -> None:
    counts = measure(
        [stream for stream in corpus.streams() if stream.name in ("chain", "keyframes")]
    )
    missing = {key for key in required() if not counts[key]}
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


def test_the_corpus_of_the_draft_reaches_every_element() -> None:
    needed = second_elements.required()
    counts = measure(corpus.streams(corpus.DRAFT), SecondSeen())
    assert [key for key in needed if not counts[key]] == []
    assert len(needed) == len(set(needed)) > 1100


def test_without_files_of_the_draft_there_are_gaps() -> None:
    names = ("chain", "slices", "quantisers")
    chosen = [stream for stream in corpus.streams(corpus.DRAFT) if stream.name in names]
    counts = measure(chosen, SecondSeen())
    missing = {key for key in second_elements.required() if not counts[key]}
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
