"""The networks in the loop: exact sums, limits, and a second implementation in plain Python."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import ChecksumError, MemoryLimitError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder
from bitstream.limits import decoding_bytes
from bitstream.v1.tables import TablesError
from bitstream.v2.integer_layers import IntegerLayer, LayerShape, shuffled, unshuffled
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.memory import network_bytes
from bitstream.v2.tables import LevelTables

from ...conformance.reference_v2.loop import ReferenceLoop
from ..synthetic import plain_tables
from ..synthetic.second_streams import second_header
from .synthetic import random_loop, random_tables, with_inter_tables

CHANNELS = 4
LOOP = random_loop(CHANNELS)


def latents_of(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(-600, 601, (CHANNELS, rows, columns)).astype(np.int32)


def layer(weights: list[list[int]], bias: list[int], shift: list[int]) -> IntegerLayer:
    shape = LayerShape("layer", len(weights), len(weights[0]), 511)
    return IntegerLayer(
        shape,
        np.array(weights, np.float32),
        np.array(bias, np.float32)[:, None],
        np.array(shift),
    )


def test_the_example_of_the_text() -> None:
    one = layer([[3, -2]], [4], [3])
    found = one.columns(np.array([[5, -5], [1, 1]], np.float32), -100, 100)
    assert found.tolist() == [[2, -2]]


def test_a_1x1_layer_shifts_each_row_by_its_own() -> None:
    one = layer([[1, 0], [0, 1]], [0, 0], [0, 1])
    plane = np.array([[[7, -7]], [[7, -7]]], np.float32)
    assert one.pointwise(plane, -5, 5).tolist() == [[[5, -5]], [[3, -4]]]


def test_shuffled_is_the_inverse_of_unshuffled() -> None:
    plane = np.arange(2 * 8 * 12).reshape(2, 8, 12)
    assert np.array_equal(shuffled(unshuffled(plane, 4), 4), plane)


@pytest.mark.parametrize("size", [(2, 3), (1, 2)])
def test_networks_written_from_the_text_agree(size: tuple[int, int]) -> None:
    reference = ReferenceLoop(plain_tables(with_loop()))
    latents, rng = latents_of(*size), np.random.default_rng(1)
    quantisers = rng.integers(30, 70, size)
    picture = LOOP.picture(latents, quantisers)
    assert reference.picture(latents.tolist(), quantisers.tolist()) == picture.tolist()
    assert picture.min() < MIDDLE < picture.max()
    assert reference.latents(picture.tolist()) == LOOP.latents(picture).tolist()


def with_loop() -> LevelTables:
    tables = with_inter_tables(random_tables(0, (1, 1, 2)))
    assert tables.inter is not None
    return replace(tables, inter=replace(tables.inter, loop=LOOP))


def test_sums_are_exact_up_to_the_bound() -> None:
    """With weights and inputs as large as the bound allows, float32 sums are those of integers."""
    rng, inputs = np.random.default_rng(0), 300
    largest = ((1 << 24) - (1 << 13)) // 511
    share = rng.multinomial(largest, np.ones(inputs) / inputs, 4)
    weights = share * rng.choice([-1, 1], share.shape)
    shape = LayerShape("layer", 4, inputs, 511)
    tensors = {
        "layer.weights": weights,
        "layer.bias": np.zeros(4, np.int64),
        "layer.shift": np.zeros(4, np.int64),
    }
    made = IntegerLayer.of(lambda name, _: tensors[name], "layer", shape)
    x = 511 * np.sign(weights[0])[:, None] * np.ones((1, 5))
    found = made.columns(x.astype(np.float32), -(1 << 24), 1 << 24)
    assert np.array_equal(found, weights @ x.astype(np.int64))
    tensors["layer.bias"] = np.full(4, 1 << 13)
    with pytest.raises(TablesError, match="would not be exact"):
        IntegerLayer.of(lambda name, _: tensors[name], "layer", shape)


def put(name: str, value: object) -> Callable[[dict], None]:
    return lambda tensors: tensors.update({f"loop.{name}": np.array(value)})


def grown(name: str) -> Callable[[dict], None]:
    def change(tensors: dict) -> None:
        tensors[f"loop.{name}"] = tensors[f"loop.{name}"].astype(np.int64) + (1 << 23)

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put("shape", [0, 4, 5, 1, 3, 2]), "fine must be 1..256"),
        (put("shape", [3, 4, 5, 9, 3, 2]), "encoder_blocks must be 1..8"),
        (put("shape", [3, 4, 5]), "loop.shape must be integers of shape"),
        (put("decoder.up.shift", np.full(12, 41)), "decoder.up.shift: must be 0..40"),
        (grown("decoder.up.weights"), "decoder.up: weights must lie within"),
        (put("decoder.up.weights", np.full((12, 4), 9000)), "decoder.up: sums of up to"),
        (
            put("decoder.stem.weights", np.full((4, 45), 1 << 52)),
            "decoder.stem: weights must lie within ±137443147904$",
        ),
        (put("decoder.linear.bias", np.full(192, -(2**63))), "bias: integers must lie within"),
        (put("encoder.low.0.curve", np.full(8191, -(2**63))), "curve: integers must lie within"),
        (put("decoder.up.bias", np.full(12, (1 << 24) - 1)), "decoder.up: sums of up to"),
        (put("decoder.up.bias", np.full(12, 1 << 24)), "decoder.up: weights must lie within"),
        (put("encoder.low.0.curve", np.full(8191, 1024)), "curve: must lie within ±1023"),
        (put("decoder.head.weights", [[1]]), "decoder.head.weights must be integers of shape"),
        (lambda tensors: tensors.pop("loop.encoder.head.bias"), "bias must be integers.*missing"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[dict], None], problem: str) -> None:
    tensors = dict(with_loop().to_tensors())
    change(tensors)
    with pytest.raises(TablesError, match=problem):
        LevelTables.from_tensors(tensors, "here")


@pytest.mark.parametrize(
    "sizes",
    [
        (48, 96, 192, 1, 256, 1),
        (128, 16, 16, 1, 16, 1),
        (8, 256, 16, 1, 16, 1),
        (8, 16, 512, 1, 512, 1),
        (3, 4, 5, 1, 3, 2),
    ],
)
def test_they_take_less_memory_than_the_formula_says(sizes: tuple[int, ...]) -> None:
    loop, side = random_loop(CHANNELS, 0, sizes), 24
    latents, quantisers = latents_of(side, side), np.full((side, side), 50)
    # Inside of blocks, however many positions there are: in the base of the formula.
    inside = 2 * max(sizes) * 1024 * 12
    # Weights laid out for products are made once, and belong to the tables.
    loop.latents(loop.picture(latents_of(1, 1), np.full((1, 1), 50)))
    tracemalloc.start()
    try:
        picture = loop.picture(latents, quantisers)
        peaks = [tracemalloc.get_traced_memory()[1]]
        tracemalloc.reset_peak()
        loop.latents(picture)
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert max(peaks) < network_bytes(loop.shape) * side**2 + inside


def test_a_model_with_larger_networks_needs_more_memory() -> None:
    tables = with_loop()
    large = random_loop(CHANNELS, 0, (64, 4, 5, 1, 3, 2))
    larger = replace(tables, inter=replace(tables.inter, loop=large))
    header = second_header(640, 480, 0, CHANNELS)
    usual = decoding_bytes(header, 1)
    assert usual == decoding_bytes(header, 1, tables) == decoding_bytes(header, 1, random_tables())
    # Levels of so few channels take less than networks.
    more = (256 * 8000 // 192 + 1 - 8000) * 80 * 60
    assert decoding_bytes(header, 1, larger) - usual == more
    unit = AccessUnit(Structure.KEYFRAME, header, 0, (1,), (40,), 0, b"")
    with pytest.raises(MemoryLimitError, match="640 × 480 pixels"):
        LatentDecoder(larger, memory_limit=usual).decode(unit)
    with pytest.raises(ChecksumError):
        LatentDecoder(tables, memory_limit=usual).decode(unit)


def test_what_is_stored_is_read() -> None:
    tensors = LOOP.to_tensors()
    found = LoopNetworks.of(lambda name, _: tensors[name].astype(np.int64), CHANNELS)
    latents = latents_of(3, 4)
    quantisers = np.full((3, 4), 50)
    assert np.array_equal(found.picture(latents, quantisers), LOOP.picture(latents, quantisers))
