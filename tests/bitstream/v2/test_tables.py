"""Tables files of version 2: what is stored is read, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.formats import load_tables
from bitstream.v1.tables import TablesError
from bitstream.v2.tables import LevelTables

from ...conformance.reference_v2.decoder import check_parts
from ..synthetic import plain_tables
from .synthetic import SLICES, random_tables, with_differences, with_inter_tables

NETWORK = ("direct", "direct_bias", "gather", "gather_bias", "mix")
# One of every kind of tensor that comes with others of its kind or not at all.
TOGETHER = (
    *(f"difference.{index}.{part}" for index in range(4) for part in NETWORK),
    *(f"inter.{index}.{part}" for index in (0, 4) for part in NETWORK),
    *("inter.last_slice", "loop.shape", "block.mode", "search_map", "error_weights"),
)


def test_a_file_names_its_version_and_holds_all(tmp_path: Path) -> None:
    tables = with_inter_tables(random_tables())
    tables.save(tmp_path / "tables.safetensors")
    found = load_tables(tmp_path / "tables.safetensors")
    assert isinstance(found, LevelTables)
    assert (found.format_version, found.latent_channels, found.slices) == (2, 11, SLICES)
    wanted, stored = tables.to_tensors(), found.to_tensors()
    assert wanted.keys() == stored.keys()
    assert all(np.array_equal(value, stored[name]) for name, value in wanted.items())
    kinds = {name: value.dtype for name, value in stored.items()}
    narrow = {name for name, kind in kinds.items() if kind == np.int16}
    assert {"search_map", "loop.decoder.up.weights", "loop.decoder.fine.curve"} <= narrow
    assert {kinds[name] for name in kinds.keys() - narrow} == {np.dtype(np.int32)}


def put(name: str, value: object) -> Callable[[dict], None]:
    return lambda tensors: tensors.update({name: np.array(value)})


def test_level_sizes_are_stored_where_they_are_not_usual() -> None:
    usual = random_tables()
    assert usual.level_sizes.tolist() == [16] * 11 and "level_sizes" not in usual.to_tensors()
    sizes = np.arange(20, 31)
    found = LevelTables.from_tensors(replace(usual, level_sizes=sizes).to_tensors())
    assert np.array_equal(found.level_sizes, sizes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("slices", [1, 0]), "must be positive"),
        (put("slices", [40, 40]), "add up to 1..64"),
        (put("slices", [1.0]), "slices must be integers"),
        (lambda tensors: tensors.pop("levels.wide"), "levels.wide must be integers.*missing"),
        (put("slice_count", [[65536, 0, 0, 0, 0, 0]]), "slice_count: every row"),
        (put("slice_count", [[2**62, 2**62, 2**62, 2**62, 65535, 1]]), "slice_count: every row"),
        (
            put("context.0.direct_bias", [1 << 24, 1 + (1 << 24)]),
            "context.0: weights must lie within",
        ),
        (put("context.1.gather", [[1]]), "context.1.gather must be integers of shape"),
        (put("level_sizes", [16] * 10), "level_sizes must be integers of shape"),
        (put("level_sizes", [16] * 10 + [15]), "level_sizes must lie within 16..64"),
        (put("level_sizes", [65] + [16] * 10), "level_sizes must lie within 16..64"),
        (put("context.2.mix", np.zeros((0, 4), np.int32)), "hidden width must be 1..256"),
        (
            put("context.2.mix", np.full((5, 4), -(2**63))),
            "context.2.mix: integers must lie within",
        ),
        (
            put("level_sizes", np.full(11, 2**63, np.uint64)),
            "level_sizes: integers must lie within",
        ),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[dict], None], problem: str) -> None:
    tensors: dict = dict(random_tables().to_tensors())
    change(tensors)
    with pytest.raises(TablesError, match=problem):
        LevelTables.from_tensors(tensors, "here")


def test_what_is_no_file_of_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(TablesError, match="absent: codec tables cannot be read"):
        LevelTables.load(tmp_path / "absent")


@pytest.mark.parametrize("name", ["search_map", "error_weights"])
def test_what_is_for_encoders_is_limited_too(name: str) -> None:
    tensors = with_inter_tables(random_tables()).to_tensors()
    tensors[name] = np.full(tensors[name].shape, -32768)
    with pytest.raises(TablesError, match=f"{name}: must lie within ±32767"):
        LevelTables.from_tensors(tensors)


@pytest.mark.parametrize("name", TOGETHER)
def test_parts_come_together_or_not_at_all(name: str) -> None:
    """One that is there alone, and one that is missing alone, in both decoders."""
    whole = with_differences(with_inter_tables(random_tables())).to_tensors()
    beginning = name.partition(".")[0]
    alone = {**random_tables().to_tensors(), name: whole[name]}
    less = {key: value for key, value in whole.items() if key != name}
    for tensors in (alone, less):
        with pytest.raises(TablesError, match=rf"{beginning}|inter\.|loop\.|difference\."):
            LevelTables.from_tensors(tensors)
        with pytest.raises(ValueError, match="are missing"):
            check_parts({key: value.tolist() for key, value in tensors.items()})
    check_parts(plain_tables(LevelTables.from_tensors(whole)))
