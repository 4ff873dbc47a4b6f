"""The elements of format version 2 that its corpus must reach, by name."""

from __future__ import annotations

from itertools import product

from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.context_layouts import ContextLayout
from bitstream.v2.block_elements import (
    BLOCK_MERGE,
    DERIVED,
    DERIVED_SIDES,
    DIRECTION,
    HORIZONTAL_DIFFERENCE,
    INTRA,
    MERGE_SIDES,
    MODE,
    SQUARE,
    VECTOR_MERGE,
    VERTICAL_DIFFERENCE,
)
from bitstream.v2.level_contexts import LEVEL_CLASSES
from bitstream.v2.scan import LATTICE, NewPositions, ScanPass

from .elements import (
    CLASSES,
    MERGED,
    PLACES,
    SOURCES,
    STAGES,
    context_key,
    contexts_of,
    digit_keys,
    of_units,
)

SLICES = 6  # of the model that has most
DIRECTIONS = (*(one.name.lower() for one in Direction), "intra")
PREDICTED = tuple(one.name.lower() for one in Mode if one != Mode.INTRA)
SQUARES = ("skipped", "kept")
MOTIONS = ("not all derived", "derived")
KINDS = ("", "inter.")
NETWORKS = ("context", "difference", "inter")
EXPECTED = ("as expected", "otherwise")


def required() -> list[str]:
    """Every element that the corpus must reach."""
    return [
        *_of_headers(),
        *of_units(),
        *_of_slices(),
        *_of_levels(),
        *_of_networks(),
        *_of_local_quantisers(),
        *_of_derived_blocks(),
        *_of_squares(),
        *_of_directions(),
        *_of_vectors(),
        *_of_modes(),
        *_of_prediction(),
    ]


def _of_headers() -> list[str]:
    return [
        *(f"blocks of {8 << n} px" for n in range(4)),
        *(f"{n} channels" for n in (1, 2, 5, 7)),
        "several keyframes",
        "a keyframe whose header differs",
        "width no multiple of 8",
        "height no multiple of 8",
    ]


def pass_key(one: ScanPass, has_positions: bool) -> str:
    """A pass of a keyframe of some size."""
    what = "some" if has_positions else "no"
    return f"pass of stride {one.stride}, {one.new.name.lower()}: {what} positions"


def _of_slices() -> list[str]:
    calls = ("first call", "no neighbour", *(f"mean {n}" for n in range(SLICES + 1)))
    return [
        *(f"slice_count {n}" for n in range(SLICES + 1)),
        *(pass_key(one, True) for one in LATTICE),
        *(pass_key(one, False) for one in LATTICE if one.new is not NewPositions.ALL),
        *(f"slice {n} of a keyframe" for n in range(SLICES)),
        *(f"last_slice {n}" for n in range(SLICES + 1)),
        *(f"last_slice, {call}" for call in calls),
    ]


def _of_levels() -> list[str]:
    keys = [f"escape of {n} bits" for n in range(1, 15)]
    for prefix, one in product(KINDS, LEVEL_CLASSES):
        name = prefix + one.name
        keys += [f"{name} symbol {s}" for s in range(2 * one.radius + 3)]
        keys += [f"{name} table {t}" for t in range(one.bins)]
        keys.append(f"{name}: an escape")
    return [*keys, "level of magnitude 16383"]


def _of_networks() -> list[str]:
    limits = ("a mean above", "a mean below", "a hidden unit above")
    return [
        *(f"{network} network, {limit} its limit" for network, limit in product(NETWORKS, limits)),
        *(f"a middle of {n} known neighbours" for n in range(1, 5)),
        *(f"difference network after {n} channels" for n in (0, 1, 2, 3)),
    ]


def _of_local_quantisers() -> list[str]:
    frames = ("keyframe", "inter frame")
    return [
        *(f"has_local_offsets {n}, {frame}" for n, frame in product((0, 1), frames)),
        *(
            f"local_offset {what}, table {n}, {frame}"
            for what, n, frame in product(EXPECTED, range(4), frames)
        ),
        "a frame without any square that takes part",
        "a frame in which some squares take part",
    ]


def _of_derived_blocks() -> list[str]:
    return [
        *(
            f"square of {side} blocks: {what}, pass {p}"
            for side, what, p in product(DERIVED_SIDES, MOTIONS, (0, 1))
        ),
        *contexts_of("derived", DERIVED, *DERIVED.sizes),
        "a derived block that moves",
        "a derived block that stands still",
        "derived motion between references at different distances",
    ]


def _of_squares() -> list[str]:
    sides = tuple(8 * side for side in MERGE_SIDES)
    return [
        *(
            f"square of {side} blocks: {what}, pass {p}"
            for side, what, p in product(MERGE_SIDES, MERGED, (0, 1))
        ),
        *contexts_of("block_merge", BLOCK_MERGE, *BLOCK_MERGE.sizes),
        *(
            f"square of {side} blocks: {what}, pass {p}"
            for side, what, p in product(MERGE_SIDES, SQUARES, (0, 1))
        ),
        *contexts_of("square", SQUARE, *SQUARE.sizes),
        *(f"square of {side // 8} cut by the frame" for side in sides),
    ]


def _of_directions() -> list[str]:
    return [
        *(f"direction {d}, in the source {t}" for d, t in product(DIRECTIONS, SOURCES)),
        *contexts_of("direction", DIRECTION, *DIRECTION.sizes),
    ]


def _of_vectors() -> list[str]:
    return [
        *(f"vector_merge {s}, {p}" for s, p in product((0, 1, 2, 3, 6), PLACES)),
        *(f"vector_merge {s}, {p}" for s, p in product((4, 5), PLACES[:2])),
        *contexts_of("vector_merge", VECTOR_MERGE, *VECTOR_MERGE.sizes),
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


def _of_modes() -> list[str]:
    return [
        *(f"mode {m}, {c}, {s} stage" for m, c, s in product(PREDICTED, CLASSES, STAGES)),
        *contexts_of("mode", MODE, *MODE.sizes),
    ]


def _of_prediction() -> list[str]:
    halves = ("whole", "half")
    return [
        *(f"{y} rows, {x} columns, {d}" for y, x, d in product(halves, halves, DIRECTIONS[:3])),
        *(f"prediction from beyond the {edge}" for edge in ("upper", "lower", "left", "right")),
        "a vector of more than 250 px",
        *(f"a block that stands still, {d}" for d in DIRECTIONS[:3]),
        *(f"a corner where {n} motions meet" for n in range(1, 5)),
        "an intra block beside one that moves",
        *(f"a frame {what}" for what in ("that moves", "that stands still", "of intra blocks")),
        "a frame without coded blocks",
        "a quantiser that motion brought along",
        "a picture of an odd number of rows or columns",
        *(f"a picture with samples of {n}" for n in (0, 1020)),
        *(f"latents of a moved picture at {n}" for n in (32767, -32767)),
        *(f"latent {n}" for n in (32767, -32767)),
    ]


def keys_of(name: str, table: int, symbol: int, slices: int) -> list[str]:
    """What a symbol under a table of a set stands for; slices: of the model."""
    if name in _LAYOUTS:
        layout = _LAYOUTS[name]
        return [*_KEYS[name](layout, table, symbol), *digit_keys(name, layout.digits(table))]
    if name == "vector_delta":
        return _delta_keys(table, symbol)
    if name == "last_slice":
        call = "first call" if table == 0 else f"mean {table - 1}"
        call = "no neighbour" if table == slices + 2 else call
        return [f"last_slice {symbol}", f"last_slice, {call}"]
    if name == "slice_count":
        return [f"slice_count {symbol}", *(f"slice {n} of a keyframe" for n in range(symbol))]
    return [f"{name} symbol {symbol}", f"{name} table {table}"]


def _merge_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    digits = layout.digits(table)
    side, p = MERGE_SIDES[digits["depth"]], digits["second_pass"]
    return [f"square of {side} blocks: {MERGED[symbol]}, pass {p}"]


def _derived_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    digits = layout.digits(table)
    side, p = DERIVED_SIDES[digits["depth"]], digits["second_pass"]
    return [f"square of {side} blocks: {MOTIONS[symbol]}, pass {p}"]


def _square_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    digits = layout.digits(table)
    side, p = MERGE_SIDES[digits["depth"]], digits["second_pass"]
    return [f"square of {side} blocks: {SQUARES[symbol]}, pass {p}"]


def _direction_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    source = SOURCES[layout.digits(table)["source"]]
    return [f"direction {DIRECTIONS[min(symbol, INTRA)]}, in the source {source}"]


def _vector_merge_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    return [f"vector_merge {symbol}, {PLACES[layout.digits(table)['place']]}"]


def _mode_keys(layout: ContextLayout, table: int, symbol: int) -> list[str]:
    digits = layout.digits(table)
    where = f"{CLASSES[digits['frame_class']]}, {STAGES[digits['stage']]} stage"
    return [f"mode {PREDICTED[symbol]}, {where}"]


def _delta_keys(table: int, symbol: int) -> list[str]:
    vertical = table < HORIZONTAL_DIFFERENCE.first
    layout = VERTICAL_DIFFERENCE if vertical else HORIZONTAL_DIFFERENCE
    axis = "vertical" if vertical else "horizontal"
    keys = [context_key(f"{axis} difference", *digit) for digit in layout.digits(table).items()]
    return [f"vector_delta {symbol}", *keys]


_LAYOUTS = {
    "derived": DERIVED,
    "block_merge": BLOCK_MERGE,
    "square": SQUARE,
    "direction": DIRECTION,
    "vector_merge": VECTOR_MERGE,
    "mode": MODE,
}
_KEYS = {
    "derived": _derived_keys,
    "block_merge": _merge_keys,
    "square": _square_keys,
    "direction": _direction_keys,
    "vector_merge": _vector_merge_keys,
    "mode": _mode_keys,
}
