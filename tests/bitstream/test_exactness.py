"""Decoded integers depend on the bytes alone: not on rounding, denormal numbers, threads, kernels,
the size of batches, or PyTorch.

tools/bench/exactness.py does the same in environments with other versions of everything.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import ldexp
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.adaptive_tables import COUNT_LIMIT, FREQUENCY_TOTAL, TableSet
from bitstream.v1.context_model import SliceNetwork
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import STEP_MANTISSAS, dequantise
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter

from ..conformance import corpus
from ..conformance.float_environment import ROUNDINGS, Unavailable, floats, observed
from ..conformance.reference_v1.decoder import evaluate_network, predict
from ..conformance.reference_v1.entropy import Tables
from .synthetic import RawIntegers, normalised, synthetic_tables

ROOT = Path(__file__).parents[2]
# Files of version 1 that decode in a second; all of version 2 take about as long as these.
QUICK = ("everything", "extremes", "one_channel", "sixteen_channels", "uncanonical")
DIRECTIONS = st.sampled_from(("nearest", *ROUNDINGS))


@contextmanager
def rounding(direction: str) -> Iterator[None]:
    """Round so for a while; skips the test where that is not possible."""
    try:
        with floats(direction):
            yield
    except Unavailable as error:
        pytest.skip(str(error))


def decode_under(*arguments: str, **environment: str) -> None:
    """Decode the corpus in a process of its own, in which neither PyTorch nor videocodec can be
    imported.
    """
    command = [sys.executable, "-m", "tests.conformance.decode_under", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr


def disagreements(version: int) -> list[str]:
    """Of files of a version of the format."""
    return corpus.disagreements((version,), QUICK if version == 1 else None)


@pytest.mark.parametrize("version", corpus.VERSIONS)
class TestTheCorpus:
    @pytest.mark.parametrize("flush", [False, True], ids=["denormals", "flushed"])
    @pytest.mark.parametrize("direction", ROUNDINGS)
    def test_rounding(self, direction: str, flush: bool, version: int) -> None:
        try:
            with floats(direction, flush):
                assert observed() == (direction, flush)
                assert not disagreements(version)
        except Unavailable as error:
            pytest.skip(str(error))

    def test_rounding_of_the_threads_of_blas(self, version: int) -> None:
        """Set before numpy is loaded, and while it has threads that were started before.

        Without PyTorch: it cannot be imported here.
        """
        of_it = ("--versions", str(version))
        few = ("--streams", *QUICK) if version == 1 else ()
        decode_under(*of_it, "--rounding", "up", "--flush", "--early", "--threads", "2")
        decode_under(*of_it, "--rounding", "down", "--threads", "2", *few)

    @pytest.mark.parametrize("kernels", ["Prescott", "Sandybridge"])
    def test_kernels(self, kernels: str, version: int) -> None:
        """Other orders of summation, and products with and without fused multiplication."""
        settings = ["--versions", str(version), "--threads", "1"]
        settings += ["--streams", *QUICK] if version == 1 else []
        decode_under(*settings, OPENBLAS_CORETYPE=kernels)

    @pytest.mark.parametrize("threads", [1, 2])
    def test_threads(self, threads: int, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """The decoder keeps BLAS to one thread for speed alone; here that limit is lifted."""
        monkeypatch.setattr("bitstream.latent_decoder.one_blas_thread", nullcontext)
        with threadpool_limits(threads, user_api="blas"):
            assert all(
                pool["num_threads"] == threads
                for pool in threadpool_info()
                if pool["user_api"] == "blas"
            )
            assert not disagreements(version)

    @pytest.mark.parametrize("size", [1, 7, 1 << 30])
    def test_sizes_of_batches(
        self, size: int, version: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """How much is put into one product, and whether symbols are decoded one by one or table by
        table.
        """
        monkeypatch.setattr("bitstream.v1.prediction.POSITIONS_AT_ONCE", size)
        monkeypatch.setattr("bitstream.v1.level_syntax.POSITIONS_AT_ONCE", size)
        monkeypatch.setattr("bitstream.v2.pass_coder.POSITIONS_AT_ONCE", size)
        monkeypatch.setattr("bitstream.v1.symbol_coder.SYMBOL_BY_SYMBOL", size)
        assert not disagreements(version)

    def test_flushing_by_pytorch(self, version: int) -> None:
        torch = pytest.importorskip("torch")
        if not torch.set_flush_denormal(True):
            pytest.skip("PyTorch cannot flush denormal numbers on this processor")
        try:
            assert observed()[1]
            assert not disagreements(version)
        finally:
            torch.set_flush_denormal(False)


@pytest.mark.parametrize("state", ["0", "1"], ids=["off", "on"])
def test_compiled_kernels_of_version_2(state: str) -> None:
    """From the first frame on, and none at all; elsewhere they come while frames are decoded."""
    decode_under("--versions", "2", VIDEOCODEC_COMPILED=state)


def test_products_large_enough_for_blas_to_share_out() -> None:
    rng = np.random.default_rng(5)
    filters = synthetic_tables().phase_filters
    reference = ReferenceFrame(rng.integers(-32767, 32768, (4, 80, 100)).astype(np.int32))
    rows, columns = (plane.ravel() for plane in np.mgrid[:80, :100])
    vectors = np.tile([[3, -5]], (len(rows), 1))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found.append(reference.predict(filters, rows, columns, vectors))
    assert np.array_equal(*found)


def test_a_rounding_that_matters_is_seen() -> None:
    """What this once found: powers are not exact where the processor rounds up, and a network's
    outputs moved by one.
    """
    with rounding("up"):
        assert observed()[0] == "up"
        assert np.array([1.0]) / 3 > ldexp(6004799503160661, -54)
    assert observed() == ("nearest", False)


class TestAnyIntegers:
    """The products and quotients of the decoder under any rounding, against plain integers, with
    values as large as they may be.
    """

    @settings(max_examples=40)
    @given(
        DIRECTIONS,
        st.integers(1, 3),
        st.integers(1, 40),
        st.sampled_from([1 << 4, 1 << 11, 1 << 20]),
        st.integers(0, 1 << 30),
    )
    def test_networks(self, direction: str, own: int, hidden: int, limit: int, seed: int) -> None:
        random, outputs = RawIntegers(seed), 2 * own
        shapes = {
            "gather": (45, hidden + outputs),
            "gather_bias": (hidden + outputs,),
            "mix": (hidden, outputs),
            "mix_bias": (outputs,),
        }
        parts = {name: random.around(limit, *shape) for name, shape in shapes.items()}
        network = SliceNetwork(
            **{name: part.astype(np.float64) for name, part in parts.items()}, channels=own
        )
        features = random.around(127, 5, 45)
        with rounding(direction):
            found = network.evaluate(features.astype(np.float64))
        plain = tuple(part.tolist() for part in parts.values())
        expected = [evaluate_network(plain, own, row) for row in features.tolist()]
        assert [part.tolist() for part in found] == [[row[i] for row in expected] for i in (0, 1)]

    @settings(max_examples=40)
    @given(DIRECTIONS, st.integers(1, 5), st.booleans(), st.integers(0, 1 << 30))
    def test_prediction(self, direction: str, channels: int, largest: bool, seed: int) -> None:
        random = RawIntegers(seed)
        latents, filters = (
            random.around(32767, channels, 6, 7),
            random.around(32767, 8, 8, 25 * channels, channels),
        )
        if largest:
            latents, filters = np.sign(latents) * 32767, np.where(filters < 0, -32768, 32767)
        rows, columns, vectors = random.below(6, 9), random.below(7, 9), random.around(60, 9, 2)
        with rounding(direction):
            found = ReferenceFrame(latents.astype(np.int32)).predict(
                filters.astype(np.float64), rows, columns, vectors
            )
        plain = latents.tolist(), filters.tolist()
        assert found.tolist() == [
            predict(plain[1], plain[0], int(r), int(c), tuple(map(int, v)))
            for r, c, v in zip(rows, columns, vectors, strict=True)
        ]

    @settings(max_examples=40)
    @given(
        DIRECTIONS,
        st.integers(0, 127),
        st.lists(st.integers(-32767, 32767), min_size=1, max_size=50),
    )
    def test_quotients_by_the_step(self, direction: str, quantiser: int, values: list[int]) -> None:
        step = STEP_MANTISSAS[quantiser % 12] << quantiser // 12
        edges = [
            edge
            for k in range(1, 16)
            for edge in (k * step // 256, -(-k * step // 256))
            if edge <= 32767
        ]
        values = values + edges
        with rounding(direction):
            # As frame_coder has it.
            found = np.floor(np.abs(np.array(values)) * 256.0 / step).tolist()
            levels = dequantise(np.array(values) // 2, quantiser).tolist()
        assert found == [abs(value) * 256 // step for value in values]
        assert levels == [value // 2 * step + 128 >> 8 for value in values]

    @settings(max_examples=40)
    @given(DIRECTIONS, st.sampled_from([2, 3, 4, 7, 67]), st.integers(0, 1 << 30))
    def test_adaptive_tables_and_the_range_coder(
        self, direction: str, symbols: int, seed: int
    ) -> None:
        random = RawIntegers(seed)
        priors = normalised((1 + random.below(1 << 16, 3, symbols)) >> random.below(16, 3, symbols))
        ids, coded = random.below(3, 400), random.below(symbols, 400)
        with rounding(direction):
            fast = TableSet(priors, COUNT_LIMIT // 300), TableSet(priors, COUNT_LIMIT // 300)
            writer = SymbolWriter()
            for _ in range(3):
                writer.code(fast[0], ids, coded)
                fast[0].update()
            data = writer.finish()
            reader = SymbolReader(data)
            for _ in range(3):
                assert (reader.code(fast[1], ids) == coded).all()
                fast[1].update()
        slow = Tables(priors, COUNT_LIMIT // 300)
        for _ in range(3):
            for table, symbol in zip(ids.tolist(), coded.tolist(), strict=True):
                slow.counts[table][symbol] += slow.increment
                slow.touched.add(table)
            slow.begin_frame()
        assert fast[0].frequencies.tolist() == fast[1].frequencies.tolist() == slow.frequencies
        assert all(sum(row) == FREQUENCY_TOTAL for row in slow.frequencies)


def test_bitstream_imports_and_decodes_without_pytorch() -> None:
    """Every module; ``decode_under`` above decodes without it."""
    import bitstream

    names = [module.name for module in pkgutil.walk_packages(bitstream.__path__, "bitstream.")]
    assert LatentDecoder.__module__ in names and all(
        importlib.import_module(name) for name in names
    )
    refused = ("torch", "torchvision", "diffusers", "cv2", "videocodec")
    blocker = f"import sys; sys.modules.update(dict.fromkeys({refused!r}))"
    code = f"{blocker}; import {', '.join(names)}; print('imported')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "imported", done.stderr
