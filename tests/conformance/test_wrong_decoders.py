"""A decoder that does otherwise in one place is noticed by the corpus."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.quantiser import step_fixed

from . import corpus

STREAMS = {stream.full_name: stream for stream in corpus.streams()}
HIERARCHIES = "1/hierarchies_of_1_to_16"
# Something of bitstream/, what it is replaced by, and a file that shows it.
WRONG = [
    (
        "v1.frame_coder.average",
        lambda a, b: (a.astype(np.int64) + b >> 1).astype(np.int32),
        HIERARCHIES,
    ),
    (
        "v1.frame_coder.log2_step_eighths",
        lambda quantiser: -((40 - quantiser) * 8 // 12),
        HIERARCHIES,
    ),
    (
        "v1.frame_coder.dequantise",
        lambda levels, quantiser: levels * step_fixed(quantiser) + 127 >> 8,
        HIERARCHIES,
    ),
    (
        "v1.block_context.scaled",
        lambda vectors, distance, over: vectors * distance // over,
        HIERARCHIES,
    ),
    ("v1.adaptive_tables.COUNT_LIMIT", (1 << 24) + 65536, "1/halved_counts"),
    ("v1.adaptive_tables.COUNT_LIMIT", (1 << 24) - 1, "1.1/counts_at_their_limit"),
    ("v1.adaptive_tables.COUNT_LIMIT", (1 << 24) + 256, "1.1/counts_at_their_limit"),
    ("v1.context_model.MEAN_LIMIT", 1 << 40, "1.1/steep_networks"),
    ("v1.context_model.HIDDEN_LIMIT", 1 << 45, "1.1/steep_networks"),
    ("v2.standing.average", lambda a, b: (a + b) >> 1, "2/squares"),
    ("v2.inter_levels.to_values", lambda x, q: (x << 12) // 16384, "2/levels"),
    ("v2.pass_coder.factors", lambda offsets: 16384 + 0 * offsets, "2/local_quantisers"),
    ("v2.pass_coder.log2_factors", lambda offsets: 0 * offsets, "2/local_quantisers"),
    ("v2.pass_coder.MEAN_LIMIT", 1 << 40, "2/steep_levels"),
    ("v2.context_network.MEAN_LIMIT", 1 << 40, "2/steep_levels"),
    ("v2.context_network.HIDDEN_LIMIT", 1 << 45, "2/steep_networks"),
    ("v2.vector_syntax.SIZES", np.zeros(9, np.int64), "2/busy"),
    ("v2.level_syntax.log2_step_eighths", lambda quantiser: 0, "2/keyframes"),
    ("v2.inter_levels.log2_step_eighths", lambda quantiser: 0, "2/quantisers"),
    ("v2.loop_arithmetic.COARSE", 500, "2/scattered"),
    ("v2.loop_networks.STEP_ORIGIN", 39, "2/motion"),
]


@pytest.mark.parametrize(
    ("place", "wrong", "seen_in"),
    WRONG,
    ids=[f"{place} {number}" for number, (place, _, _) in enumerate(WRONG)],
)
def test_a_decoder_that_does_otherwise_is_noticed(
    place: str, wrong: object, seen_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitstream.v2.compiled.kernels", lambda: None)  # which do not ask NumPy
    stream = STREAMS[seen_in]
    tables = corpus.load_tables(stream.version, stream.model)
    assert corpus.found_in(stream, tables) == stream.entry["units"]
    monkeypatch.setattr(f"bitstream.{place}", wrong)
    assert corpus.found_in(stream, tables) != stream.entry["units"]
