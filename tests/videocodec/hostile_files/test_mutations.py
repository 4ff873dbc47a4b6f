"""Real streams with fields, payload and boxes changed at random, checksums right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitstream.access_unit import MAX_DURATION, MAX_PTS, AccessUnit
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from tools.fuzz.mp4 import boxes

from .conftest import Small, assert_frames_or_a_named_error, written

# One file is enough for all examples of a test, and a decode takes as long as it takes.
_EXAMPLES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
EXTREMES = [0, 1, 2, 7, 8, 9, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def numbers(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of a range, often at its ends."""
    return st.sampled_from([low, high]) | st.integers(low, high)


@st.composite
def headers(draw: st.DrawFn, header: SequenceHeader) -> SequenceHeader:
    """One or two fields changed within their ranges."""
    whole = {
        "rotation": 3,
        "crf": 63,
        "gop_size": 65535,
        "preset": 9,
        "block_log2": 3,
        "latent_channels": 64,
    }
    ranges = {
        name: numbers(int(name in ("gop_size", "latent_channels")), high)
        for name, high in whole.items()
    }
    ranges |= {"width": numbers(1, 120), "height": numbers(1, 120)}
    ranges["frame_rate"] = st.builds(Fraction, numbers(0, 0xFFFFFFFF), numbers(1, 65535))
    ranges["time_base"] = st.builds(Fraction, numbers(1, 0xFFFFFFFF), numbers(1, 0xFFFFFFFF))
    ranges["sample_aspect_ratio"] = st.builds(Fraction, numbers(0, 65535), numbers(1, 65535))
    ranges["colour"] = st.builds(type(header.colour), *[numbers(0, 255)] * 3, st.booleans())
    assert ranges.keys() <= {field.name for field in fields(header)}
    chosen = draw(st.sets(st.sampled_from(sorted(ranges)), min_size=1, max_size=2))
    return replace(header, **{name: draw(ranges[name]) for name in sorted(chosen)})


@st.composite
def mutated_unit(draw: st.DrawFn, unit: AccessUnit) -> bytes:
    """One access unit with something else in it, and the right checksum at its end; rarely with a
    wrong one.
    """
    what = draw(
        st.sampled_from(
            ["pts", "durations", "quantisers", "structure", "payload", "header", "latents", "bytes"]
        )
    )
    if what == "pts":
        unit = replace(unit, first_pts=draw(numbers(-MAX_PTS, MAX_PTS)))
    elif what == "durations":
        unit = replace(
            unit, durations=tuple(draw(numbers(1, MAX_DURATION)) for _ in unit.durations)
        )
    elif what == "quantisers":
        unit = replace(unit, quantisers=tuple(draw(numbers(0, 127)) for _ in unit.quantisers))
    elif what == "structure" and not unit.is_keyframe:
        count = draw(numbers(1, 16))
        structure = draw(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]))
        unit = replace(
            unit,
            structure=structure,
            durations=(1,) * count,
            quantisers=unit.quantisers[:1] * count,
        )
    elif what == "payload":
        payload = bytearray(unit.payload)
        for _ in range(draw(st.integers(1, 4))):
            if payload:
                payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
        unit = replace(unit, payload=bytes(payload[: draw(numbers(0, len(payload)))]))
    elif what == "header" and unit.is_keyframe:
        unit = replace(unit, header=draw(headers(unit.header)))
    elif what == "latents":
        unit = replace(unit, latent_checksum=draw(numbers(0, 0xFFFFFFFF)))
    data = bytearray(unit.to_bytes())
    if what == "bytes":
        data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data)


def mutated_stream(data: st.DataObject, small: Small, folder: Path) -> Path:
    """Access units in any order, up to three of them changed."""
    order = data.draw(
        st.lists(st.integers(0, len(small.units) - 1), min_size=1, max_size=6)
        | st.just(list(range(len(small.units))))
    )
    units = [small.units[index].to_bytes() for index in order]
    for place in data.draw(st.sets(st.integers(0, len(order) - 1), min_size=1, max_size=3)):
        units[place] = data.draw(mutated_unit(small.units[order[place]]))
    return written(folder, units)


def mutated_boxes(data: st.DataObject, small: Small, folder: Path) -> Path:
    """Up to three numbers changed in boxes other than the one of the access units."""
    content = bytearray(small.path.read_bytes())
    found = [box for box in boxes(bytes(content)) if box.kind != b"mdat"]
    for _ in range(data.draw(st.integers(1, 3))):
        box = data.draw(st.sampled_from(found))
        at = box.start + data.draw(st.integers(0, min(box.size, 64) - 1)) // 4 * 4
        content[at : at + 4] = data.draw(
            st.sampled_from(EXTREMES) | st.integers(0, 0xFFFFFFFF)
        ).to_bytes(4, "big")
    path = folder / "mutated.mp4"
    path.write_bytes(content)
    return path


Mutated = Callable[[st.DataObject, Small, Path], Path]
BOTH = pytest.mark.parametrize("mutated", [mutated_stream, mutated_boxes])


@BOTH
@settings(_EXAMPLES, max_examples=12, derandomize=True)
@given(data=st.data())
def test_a_few_mutations_give_frames_or_a_named_error(
    data: st.DataObject, mutated: Mutated, small: Small, tmp_path: Path
) -> None:
    assert_frames_or_a_named_error(mutated(data, small, tmp_path))


@pytest.mark.slow
@BOTH
@settings(_EXAMPLES, max_examples=60)
@given(data=st.data())
def test_many_mutations_give_frames_or_a_named_error(
    data: st.DataObject, mutated: Mutated, small: Small, tmp_path: Path
) -> None:
    assert_frames_or_a_named_error(mutated(data, small, tmp_path))
