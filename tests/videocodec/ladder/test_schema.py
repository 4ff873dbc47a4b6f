"""The types of results.json say what the values are that are written as JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from typing import get_type_hints

import pytest

from videocodec.ladder.analysis_schema import DeltaEntry
from videocodec.ladder.clips import Clip
from videocodec.ladder.curves import Delta
from videocodec.ladder.metrics import Figure
from videocodec.ladder.schema import ClipFields, FigureEntry


@pytest.mark.parametrize(
    ("value", "entry"), [(Clip, ClipFields), (Figure, FigureEntry), (Delta, DeltaEntry)]
)
def test_an_entry_has_the_fields_of_its_value_with_their_types(value: type, entry: type) -> None:
    types = get_type_hints(value)
    assert get_type_hints(entry) == {field.name: types[field.name] for field in fields(value)}


def test_a_clip_comes_back_equal_from_json() -> None:
    rate = str(Fraction(30000, 1001))
    clip = Clip("pan", "pan.mp4", "x", "0a", 64, 48, 9, rate, 1, 1, 1, False, ("converted", "cut"))
    assert Clip.from_dict(json.loads(json.dumps(clip.to_dict()))) == clip
