"""Regions of interest: their file, and what is wrong with it in one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from videocodec.errors import RegionsError, SettingsError
from videocodec.regions import Region, fitted, read_regions, regions_from_json

WHOLE = {"x": 0, "y": 8, "width": 16, "height": 24, "offset": -6}


def written(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_file_of_regions(tmp_path: Path) -> None:
    file = written(tmp_path / "roi.json", [WHOLE, WHOLE | {"begin": 1, "end": 2.5, "offset": 4}])
    first, second = read_regions(file)
    assert first == Region(0, 8, 16, 24, -6)
    assert (second.begin, second.end, second.offset) == (1, 2.5, 4)
    assert regions_from_json(json.loads(json.dumps([asdict(first), asdict(second)]))) == (
        first,
        second,
    )
    assert read_regions(written(file, [])) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[", "regions must be JSON, this is none"),
        ({}, "regions must be a JSON list of at most 4096"),
        ([[0, 0, 8, 8]], "region 1 must be an object with x, y, width, height, offset, begin, end"),
        ([WHOLE, {"x": 0}], "region 2: y is missing"),
        ([WHOLE | {"strength": 2}], "region 1: there is no 'strength', only x, y,"),
        ([WHOLE | {"x": "0"}], "region 1: x must be a number, got '0'"),
        ([WHOLE | {"y": -1}], "region 1: y must be a number from 0 on, got -1"),
        ('[{"x":0,"y":0,"width":NaN,"height":1,"offset":0}]', "width must be a number from 0 on"),
        ([WHOLE | {"width": 0}], "region 1: width and height must be above 0"),
        ([WHOLE | {"offset": 1.5}], "offset must be a whole number from -48 to 48, got 1.5"),
        ([WHOLE | {"offset": -49}], "offset must be a whole number from -48 to 48, got -49"),
        ([WHOLE | {"begin": 2, "end": 1}], "end must be after begin, 1 is not after 2"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, value: object, message: str) -> None:
    file = written(tmp_path / "roi.json", value)
    with pytest.raises(RegionsError) as raised:
        read_regions(file)
    assert isinstance(raised.value, SettingsError)
    assert str(raised.value).startswith(f"{file}: ") and message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RegionsError, match=r"none\.json: no such file"):
        read_regions(tmp_path / "none.json")


def test_regions_of_pictures_that_are_coded_smaller() -> None:
    region = Region(40, 20, 80, 60, -6, begin=1.0)
    assert fitted([region], (160, 120), (80, 60)) == (Region(20, 10, 40, 30, -6, begin=1.0),)
    with pytest.raises(RegionsError, match="region 1 begins at 40, 20, outside the picture of 40×"):
        fitted([region], (40, 30), (40, 30))
