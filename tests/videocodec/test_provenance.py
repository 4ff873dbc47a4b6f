"""Where parts of a picture come from: from block modes to maps of latents, and what they add up
to.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from videocodec.provenance import (
    PROVENANCE,
    PROVENANCE_NAMES,
    ProvenanceCount,
    covering_latents,
    provenance_map,
    shares,
)

TRANSMITTED, PREDICTED, GENERATED = range(3)


def header(width: int, height: int, block_log2: int) -> SequenceHeader:
    return SequenceHeader(
        format_version=1,
        width=width,
        height=height,
        block_log2=block_log2,
        time_base=Fraction(1, 25),
        latent_channels=4,
        crf=28,
        gop_size=250,
        preset=0,
        model_name="none",
        model_sha256="0" * 64,
    )


def test_generated_is_what_the_mask_bit_says_and_nothing_else() -> None:
    assert PROVENANCE_NAMES == ("transmitted", "predicted", "generated", "concealed")
    assert [mode for mode in Mode if PROVENANCE[mode] == "generated"] == [Mode.GENERATE]
    assert [mode for mode in Mode if PROVENANCE[mode] == "predicted"] == [Mode.SKIP]
    assert set(PROVENANCE) == set(Mode)


@pytest.mark.parametrize(
    ("size", "latents"),
    [((8, 8), (1, 1)), ((1, 1), (1, 1)), ((9, 16), (2, 2)), ((288, 512), (36, 64))],
)
def test_latents_cover_a_picture_and_no_more(
    size: tuple[int, int], latents: tuple[int, int]
) -> None:
    assert covering_latents(*size) == latents


def test_a_block_marks_all_its_latents_but_those_in_the_padding() -> None:
    modes = np.array([[Mode.SKIP, Mode.RESIDUAL], [Mode.GENERATE, Mode.INTRA]], dtype=np.int64)
    found = provenance_map(modes, header(width=23, height=25, block_log2=1))
    assert found.dtype == np.uint8
    assert found.tolist() == [[1, 1, 0], [1, 1, 0], [2, 2, 0], [2, 2, 0]]
    assert provenance_map(modes, header(16, 16, 0)).tolist() == [[1, 0], [2, 0]]


def test_shares_are_of_all_latents_counted() -> None:
    assert shares(np.array([1, 2, 4, 1])) == {
        "transmitted": 0.125,
        "predicted": 0.25,
        "generated": 0.5,
        "concealed": 0.125,
    }
    with pytest.raises(ValueError, match="no latents"):
        shares(np.zeros(4, int))


def test_a_count_adds_up_frames_together_and_by_kind() -> None:
    count = ProvenanceCount()
    count.add("keyframe", np.full((2, 2), TRANSMITTED, np.uint8))
    count.add("inter", np.array([[TRANSMITTED, PREDICTED], [PREDICTED, GENERATED]], np.uint8))
    count.add("inter", np.full((2, 2), PREDICTED, np.uint8))
    assert count.total() == {
        "transmitted": 5 / 12,
        "predicted": 6 / 12,
        "generated": 1 / 12,
        "concealed": 0,
    }
    assert count.by_kind() == {
        "keyframe": {"transmitted": 1, "predicted": 0, "generated": 0, "concealed": 0},
        "inter": {"transmitted": 1 / 8, "predicted": 6 / 8, "generated": 1 / 8, "concealed": 0},
    }
