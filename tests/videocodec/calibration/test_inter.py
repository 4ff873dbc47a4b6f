"""Block tables fitted alone: what is stored of another syntax begins anew, and what is counted is
what is coded.
"""

from __future__ import annotations

import numpy as np

from bitstream.v1.tables import BLOCK_TABLES, CodecTables
from videocodec.calibration.inter import with_block_tables


def test_tables_of_this_syntax_are_taken_as_they_are(linear_codec) -> None:
    tables, fitting = with_block_tables(linear_codec.tables.to_tensors())
    assert fitting
    for name in BLOCK_TABLES:
        assert np.array_equal(tables.block_priors[name], linear_codec.tables.block_priors[name])


def test_tables_of_another_syntax_begin_with_equal_frequencies(linear_codec) -> None:
    tensors = linear_codec.tables.to_tensors()
    tensors["block.mode"] = tensors["block.mode"][:30]
    tables, fitting = with_block_tables(tensors)
    assert isinstance(tables, CodecTables) and not fitting
    for name, shape in BLOCK_TABLES.items():
        assert tables.block_priors[name].shape == shape
        assert np.ptp(tables.block_priors[name]) <= shape[1]
    assert np.array_equal(tables.phase_filters, linear_codec.tables.phase_filters)
