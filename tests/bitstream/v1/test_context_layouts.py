"""Contexts in mixed radix: numbers, their digits, and parts that add up."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitstream.v1.block_elements import BLOCK_ELEMENTS
from bitstream.v1.context_layouts import ContextLayout
from bitstream.v1.context_model import LEVEL_CONTEXTS

LAYOUTS = {
    f"{name} {i}": layout
    for name, element in BLOCK_ELEMENTS.items()
    for i, layout in enumerate(element.contexts)
} | {"level": LEVEL_CONTEXTS}


def test_the_first_digit_counts_most() -> None:
    layout = ContextLayout(a=3, b=2, c=5)
    assert (layout.count, layout.strides) == (30, {"a": 10, "b": 5, "c": 1})
    assert layout.index(a=2, b=1, c=4) == 29


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_context_has_a_table_of_its_own(name: str) -> None:
    layout = LAYOUTS[name]
    combinations = list(product(*(range(size) for size in layout.sizes.values())))
    tables = [
        layout.index(**dict(zip(layout.sizes, digits, strict=True))) for digits in combinations
    ]
    assert tables == list(range(layout.first, layout.first + layout.count))


@pytest.mark.parametrize("name", LAYOUTS)
def test_digits_are_the_inverse(name: str) -> None:
    layout = LAYOUTS[name]
    tables = np.arange(layout.first, layout.first + layout.count)
    digits = layout.digits(tables)
    assert {key: int(values.max()) + 1 for key, values in digits.items()} == layout.sizes
    assert (layout.index(**digits) == tables).all()


def test_arrays_broadcast_and_bools_are_digits() -> None:
    layout = ContextLayout(7, a=2, b=3)
    tables = layout.index(a=np.array([[False], [True]]), b=np.arange(3))
    assert tables.tolist() == [[7, 8, 9], [10, 11, 12]]


def test_parts_add_up() -> None:
    layout = ContextLayout(4, a=2, b=3, c=2)
    assert layout.index() == 4
    assert layout.index(b=2) + layout.part(a=1, c=1) == layout.index(a=1, b=2, c=1)


def test_a_digit_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        ContextLayout(a=2).index(b=1)


@pytest.mark.parametrize("name", BLOCK_ELEMENTS)
def test_tables_of_an_element_follow_each_other(name: str) -> None:
    first = 0
    for layout in BLOCK_ELEMENTS[name].contexts:
        assert layout.first == first
        first += layout.count
    assert BLOCK_ELEMENTS[name].shape[0] == first
