"""Files of the corpus that the real encoder made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoding:
    """A file of the real encoder: a moving scene of so many frames, and the settings it is encoded
    with.
    """

    about: str
    model: str
    width: int
    height: int
    frames: int
    settings: dict
    pts: tuple[int, ...] | None = None  # ticks of 1/25 s; None: one a frame
    tracks: bool = False  # sound and subtitles


ENCODINGS = {
    "encoded": Encoding(
        "groups of 16, three keyframes, sound and subtitles",
        "sixteen",
        80,
        56,
        36,
        {"crf": 30, "gop_size": 17},
        tracks=True,
    ),
    "encoded_crf_0": Encoding("the finest quality", "four", 72, 56, 10, {"crf": 0}),
    "encoded_crf_63": Encoding("the coarsest quality", "sixteen", 112, 88, 18, {"crf": 63}),
    "encoded_uneven": Encoding(
        "an odd size and uneven times that begin late",
        "four",
        101,
        67,
        12,
        {"crf": 24},
        pts=(7, 8, 11, 12, 13, 20, 21, 60, 61, 62, 70, 99),
    ),
    "encoded_chains": Encoding(
        "chains, as the fastest preset makes them",
        "sixteen",
        64,
        48,
        20,
        {"crf": 26, "preset": "ultrafast"},
    ),
    "encoded_slow": Encoding(
        "every tool of a slow preset", "four", 160, 128, 17, {"crf": 34, "preset": "slower"}
    ),
    "encoded_all_intra": Encoding("keyframes alone", "one", 64, 48, 5, {"crf": 20, "gop_size": 1}),
    "encoded_with_its_model": Encoding(
        "the model attached to the file", "one", 88, 72, 18, {"crf": 28, "embed_model": True}
    ),
}

# Of format version 2.
SECOND_ENCODINGS = {
    "encoded": Encoding(
        "groups in a hierarchy, two keyframes", "encodable", 72, 56, 12, {"crf": 30, "gop_size": 8}
    ),
    "encoded_chains": Encoding(
        "chains, as the fastest preset makes them",
        "encodable",
        64,
        48,
        6,
        {"crf": 40, "preset": "ultrafast"},
    ),
}
