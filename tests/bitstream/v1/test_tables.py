"""The tables file: what is saved is loaded, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitstream.v1.context_model import INTER, INTRA
from bitstream.v1.tables import CodecTables, TablesError, planes_of

from ...conformance.corpus import tables_checksum
from ..synthetic import synthetic_tables


@pytest.fixture(scope="module")
def tables() -> CodecTables:
    return synthetic_tables()


def test_what_is_saved_is_loaded(tables: CodecTables, tmp_path: Path) -> None:
    path = tmp_path / "tables.safetensors"
    tables.save(path)
    loaded = CodecTables.load(path)
    assert loaded.latent_channels == 4 and loaded.slices == (1, 1, 2)
    assert tables_checksum(loaded) == tables_checksum(tables)
    assert (
        loaded.phase_filters.dtype == np.float64
        and (loaded.phase_filters == tables.phase_filters).all()
    )
    for kind in (INTRA, INTER):
        assert (loaded.level_priors[kind] == tables.level_priors[kind]).all()
        for got, given in zip(loaded.networks[kind], tables.networks[kind], strict=True):
            assert got.channels == given.channels
            assert all(
                (getattr(got, part) == getattr(given, part)).all()
                for part in ("gather", "gather_bias", "mix", "mix_bias")
            )
    assert loaded.block_priors.keys() == tables.block_priors.keys()
    assert all(
        (loaded.block_priors[name] == prior).all() for name, prior in tables.block_priors.items()
    )


def test_a_transposed_array_is_saved_as_it_reads(tables: CodecTables, tmp_path: Path) -> None:
    path = tmp_path / "tables.safetensors"
    turned = CodecTables(
        tables.latent_channels,
        tables.slices,
        tables.networks,
        {kind: np.asfortranarray(prior) for kind, prior in tables.level_priors.items()},
        tables.block_priors,
        np.asfortranarray(tables.phase_filters),
    )
    turned.save(path)
    assert tables_checksum(CodecTables.load(path)) == tables_checksum(tables)


def test_planes() -> None:
    assert [
        planes_of(INTRA, 0, 1),
        planes_of(INTRA, 2, 2),
        planes_of(INTER, 0, 1),
        planes_of(INTER, 2, 2),
    ] == [5, 11, 8, 16]


@pytest.mark.parametrize("content", [None, b"", b"no safetensors at all", b"\xff" * 100])
def test_a_file_that_is_no_tables_file(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "tables.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TablesError, match="tables.safetensors: codec tables cannot be read"):
        CodecTables.load(path)


def change(
    name: str, edit: Callable[[np.ndarray], np.ndarray | None]
) -> Callable[[dict[str, np.ndarray]], str]:
    def apply(tensors: dict[str, np.ndarray]) -> str:
        value = edit(tensors.pop(name).copy())
        if value is not None:
            tensors[name] = value
        return name

    return apply


def put(index: tuple[int, ...], value: int) -> Callable[[np.ndarray], np.ndarray]:
    def edit(array: np.ndarray) -> np.ndarray:
        array = array.astype(np.int64)
        array[index] = value
        return array

    return edit


@pytest.mark.parametrize(
    "damage",
    [
        change("slices", lambda a: None),
        change("slices", lambda a: np.array([1, 1, 0, 2])),
        change("slices", lambda a: np.array([], dtype=np.int32)),
        change("slices", lambda a: np.array([64, 1])),
        change("slices", lambda a: np.array([-1, 5])),
        change("phase_filters", lambda a: a[..., :3]),
        change("phase_filters", lambda a: a.astype(np.float32)),
        change("phase_filters", put((1, 2, 3, 0), 1 << 15)),
        change("phase_filters", put((1, 2, 3, 0), -(1 << 15) - 1)),
        change("intra.levels", lambda a: a[:, :-1]),
        change("inter.levels", put((3, 4), 0)),
        change("inter.levels", lambda a: a + 1),
        change("block.mode", put((0, 0), 1 << 40)),
        change("block.direction", lambda a: None),
        change("intra.1.mix", lambda a: np.array(3)),
        change("intra.1.mix", lambda a: np.zeros((257, 2), dtype=np.int32)),
        change("intra.1.mix", lambda a: np.zeros((0, 2), dtype=np.int32)),
        change("inter.2.gather", lambda a: a[1:]),
        change("inter.2.gather_bias", put((0,), (1 << 20) + 1)),
        change("inter.0.mix_bias", lambda a: a.astype(bool)),
    ],
)
def test_what_does_not_fit_is_named(
    damage: Callable[[dict[str, np.ndarray]], str], tables: CodecTables, tmp_path: Path
) -> None:
    tensors = tables.to_tensors()
    name = damage(tensors)
    path = tmp_path / "tables.safetensors"
    save_file(
        {
            key: np.ascontiguousarray(value) if value.ndim else value
            for key, value in tensors.items()
        },
        str(path),
    )
    with pytest.raises(TablesError) as caught:
        CodecTables.load(path)
    message = str(caught.value)
    assert (
        message.startswith(f"{path}: ")
        and name.rsplit(".", 1)[0] in message
        and message.count(str(path)) == 1
        and "\n" not in message
    )
