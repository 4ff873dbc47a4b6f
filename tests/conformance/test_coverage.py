"""What the corpus reaches, by counting; and that the counting counts."""

from __future__ import annotations

from . import corpus
from .coverage import measure
from .elements import required


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
