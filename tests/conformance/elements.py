"""The elements of the syntax that a corpus must reach, by name."""

from __future__ import annotations

from itertools import product

from bitstream.group_structure import Structure
from bitstream.v1.block_elements import (
    BLOCK_MERGE,
    DIRECTION,
    HORIZONTAL_DIFFERENCE,
    MODE,
    VECTOR_MERGE,
    VERTICAL_DIFFERENCE,
)
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.context_layouts import ContextLayout

STAGES = ("first", "diagonal", "edge")
CLASSES = ("one reference", "two references", "two next to it")
SIZES = (1, 2, 4)
PLACES = ("other", "edge", "mirrored")
SQUARES = (4, 2)
MERGED = ("apart", "merged")
REFERENCES = ("one reference", "two")
SOURCES = ("past", "future", "average", "intra")


def required() -> list[str]:
    """Every element that a corpus must reach."""
    return [
        *_of_headers(),
        *of_units(),
        *_of_modes(),
        *_of_merged_blocks(),
        *_of_directions(),
        *_of_vectors(),
        *_of_prediction(),
        *_of_levels(),
    ]


def _of_headers() -> list[str]:
    return [
        *(f"blocks of {8 << n} px" for n in range(4)),
        *(f"{n} channels" for n in (1, 4, 16)),
        *(f"rotation {n}" for n in range(4)),
        "several keyframes",
        "a keyframe whose header differs",
        "width no multiple of 8",
        "height no multiple of 8",
        "full range",
        "another pixel shape",
        "frame rate unknown",
        "generative flag",
        "no generative flag",
        "time base with a numerator",
        "crf 0",
        "crf 63",
        "gop_size 1",
        "gop_size 65535",
        "preset 0",
        "preset 9",
        "model name of 64 bytes",
        "sound beside it",
        "subtitles beside it",
        "a model attached",
    ]


def of_units() -> list[str]:
    """Of access units, whatever the version of the format."""
    return [
        *(f"structure {s.name.lower()}" for s in Structure),
        *(f"{structure} of {n}" for structure in ("chain", "hierarchy") for n in range(1, 17)),
        *(f"quantiser {q}" for q in range(128)),
        "offsets of quantisers",
        "offsets of zero",
        "even durations",
        "uneven durations",
        "even durations, each written",
        "negative first_pts",
        "a duration of 2^40",
    ]


def _of_modes() -> list[str]:
    neighbours = range(MODE.sizes["neighbours"])
    return [
        *(f"mode {m.name.lower()}, {c}, {s} stage" for m, c, s in product(Mode, CLASSES, STAGES)),
        *(
            f"mode context: {w} coded in references, {n} near"
            for w, n in product(range(MODE.sizes["references"]), neighbours)
        ),
        *(f"mode context: an intra neighbour, {n} near" for n in neighbours[1:]),
    ]


def _of_merged_blocks() -> list[str]:
    return [
        *(
            f"square of {side}: {what}, pass {p}, {references}"
            for side, what, p, references in product(SQUARES, MERGED, (0, 1), REFERENCES)
        ),
        *contexts_of("square", BLOCK_MERGE, "coded", "references", "neighbours"),
        *(f"square of {side} cut by the frame" for side in SQUARES),
    ]


def _of_directions() -> list[str]:
    return [
        *(f"direction {d.name.lower()}, in the source {t}" for d, t in product(Direction, SOURCES)),
        *(f"direction of a block of side {side}" for side in SIZES),
        *contexts_of("direction", DIRECTION, "votes"),
    ]


def _of_vectors() -> list[str]:
    return [
        *(f"vector_merge {s}, {p}" for s, p in product((0, 1, 2, 3, 6), PLACES)),
        # Legal with a mirrored predictor too, but not in the corpus.
        *(f"vector_merge {s}, {p}" for s, p in product((4, 5), PLACES[:2])),
        *contexts_of("vector_merge", VECTOR_MERGE, "merged", "neighbours", "candidates"),
        *contexts_of("vertical difference", VERTICAL_DIFFERENCE, "spread"),
        *contexts_of("horizontal difference", HORIZONTAL_DIFFERENCE, "spread", "vertical_zero"),
        *(f"vector_delta {s}" for s in range(67)),
        *(
            f"temporal motion from {what}"
            for what in ("a keyframe", "the past reference", "the future reference")
        ),
        "temporal motion to the future of its source",
        "a scaled vector at its limit",
    ]


def _of_prediction() -> list[str]:
    return [
        *(f"phase {y}, {x}" for y, x in product(range(8), range(8))),
        *(f"prediction from beyond the {edge}" for edge in ("upper", "lower", "left", "right")),
        "a vector of more than 500 px",
        "latent 32767",
        "latent -32767",
    ]


def _of_levels() -> list[str]:
    sets = ("intra_levels", "inter_levels")
    return [
        *(f"{name} symbol {s}" for name, s in product(sets, range(67))),
        *(f"{name} table {t}" for name, t in product(sets, range(80))),
        *(f"escape of {n} bits" for n in range(1, 15)),
        "level 16383",
        "level -16383",
        *(f"counts halved: {name}" for name in ("mode", "vector_merge", "inter_levels")),
        "counts at their limit",
        "counts one symbol beyond their limit",
        "a mean above its limit",
        "a mean below its limit",
        "hidden values above their limit, to some effect",
    ]


def contexts_of(element: str, layout: ContextLayout, *digits: str) -> list[str]:
    """Every value of some digits of a context."""
    return [
        context_key(element, digit, value)
        for digit in digits
        for value in range(layout.sizes[digit])
    ]


def context_key(element: str, digit: str, value: int) -> str:
    """That a digit of a context had a value."""
    return f"{element} context: {digit} {value}"


def keys_of(name: str, table: int, symbol: int) -> list[str]:
    """What a symbol under a table of a set stands for."""
    return _KEYS.get(name, _level_keys)(name, table, symbol)


def _mode_keys(name: str, table: int, symbol: int) -> list[str]:
    digits = MODE.digits(table)
    near = digits["neighbours"]
    return [
        f"mode {Mode(symbol).name.lower()}, {CLASSES[digits['frame_class']]},"
        f" {STAGES[digits['stage']]} stage",
        f"mode context: an intra neighbour, {near} near"
        if digits["intra"]
        else f"mode context: {digits['references']} coded in references, {near} near",
    ]


def _merge_keys(name: str, table: int, symbol: int) -> list[str]:
    digits = BLOCK_MERGE.digits(table)
    return [
        f"square of {SQUARES[digits['depth']]}: {MERGED[symbol]}, pass {digits['second_pass']},"
        f" {REFERENCES[digits['two_references']]}",
        *digit_keys("square", digits),
    ]


def _direction_keys(name: str, table: int, symbol: int) -> list[str]:
    digits = DIRECTION.digits(table)
    return [
        f"direction {Direction(symbol).name.lower()}, in the source {SOURCES[digits['source']]}",
        f"direction of a block of side {SIZES[digits['size']]}",
        *digit_keys("direction", digits),
    ]


def _vector_merge_keys(name: str, table: int, symbol: int) -> list[str]:
    digits = VECTOR_MERGE.digits(table)
    return [
        f"vector_merge {symbol}, {PLACES[digits['place']]}",
        *digit_keys("vector_merge", digits),
    ]


def _vector_delta_keys(name: str, table: int, symbol: int) -> list[str]:
    vertical = table < HORIZONTAL_DIFFERENCE.first
    layout = VERTICAL_DIFFERENCE if vertical else HORIZONTAL_DIFFERENCE
    axis = "vertical" if vertical else "horizontal"
    return [
        f"vector_delta {symbol}",
        *digit_keys(f"{axis} difference", layout.digits(table)),
    ]


def _level_keys(name: str, table: int, symbol: int) -> list[str]:
    return [f"{name} symbol {symbol}", f"{name} table {table}"]


def digit_keys(element: str, digits: dict[str, int]) -> list[str]:
    """What the digits of a context are."""
    return [context_key(element, digit, int(value)) for digit, value in digits.items()]


_KEYS = {
    "mode": _mode_keys,
    "block_merge": _merge_keys,
    "direction": _direction_keys,
    "vector_merge": _vector_merge_keys,
    "vector_delta": _vector_delta_keys,
}
