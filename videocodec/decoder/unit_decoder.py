"""Access units to frames with all that is known of them.

No torch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitstream.access_unit import AccessUnit
from bitstream.blas_threads import one_blas_thread
from bitstream.coder import Tables
from bitstream.formats import format_of
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder
from bitstream.v2.prediction import PictureReference
from bitstream.v2.shown_pictures import rounded

from ..decoded import DecodedLatents, FrameKind, QuantiserMaps


class UnitDecoder:
    """Access units in order, from a keyframe on, to their frames with all that is known of them.

    block: latents a side of a block.  frames_before: of the stream, before the first unit that is
    given.
    """

    def __init__(self, tables: Tables, block: int, frames_before: int = 0) -> None:
        fraction_bits = format_of(tables.format_version).vector_fraction_bits
        self._decoder, self._maps = LatentDecoder(tables), QuantiserMaps(block, fraction_bits)
        self._can_pass = format_of(tables.format_version).moves_pictures
        self.frames_before, self.has_passed = frames_before, False

    def decode(
        self, unit: AccessUnit, size: int, *, pictures: bool = False
    ) -> list[DecodedLatents]:
        """The frames of a unit of ``size`` bytes, in display order.  pictures: with the exact ones
        of references, where decoding made them.  Raises ``BitstreamError``.
        """
        frames, known = self._decoder.decode_with_references(unit)
        bits = sum(f.block_bits + f.level_bits for f in frames) or 1.0
        kind = FrameKind.KEYFRAME if unit.is_keyframe else FrameKind.INTER
        first, out = self.frames_before, []
        # Numbers inside a unit count from 1, and 0 is the frame before it.
        references = {
            entry.display_index: (_absolute(first, entry.past), _absolute(first, entry.future))
            for entry in unit.references
        }
        for i, (frame, quantisers) in enumerate(
            zip(frames, self._maps.of(unit, frames), strict=True)
        ):
            share = size * (frame.block_bits + frame.level_bits or 1.0) / bits
            out.append(
                DecodedLatents(
                    frame,
                    unit.pts[i],
                    unit.durations[i],
                    kind,
                    share,
                    quantisers,
                    first + i,
                    references[i],
                    picture=_picture_of(known[i], i + 1 == len(frames)) if pictures else None,
                )
            )
        self.frames_before += len(frames)
        self.has_passed &= not unit.is_keyframe
        return out

    def pass_over(self, unit: AccessUnit) -> bool:
        """Go on behind a unit that nobody wants, without making frames that no other needs, if
        there may be any → whether that is done.  Raises ``BitstreamError``.

        Nothing compares such a unit's checksum; ``has_passed`` says then that there was one since
        the keyframe.
        """
        if not self._can_pass or unit.structure != Structure.HIERARCHY or unit.frame_count == 1:
            return False
        self._decoder.pass_over(unit)
        self.frames_before += unit.frame_count
        self.has_passed = True
        return True


def _picture_of(reference: object, is_last: bool) -> npt.NDArray[np.uint8] | None:
    """What is shown of a reference that was given a picture, or is the last of its unit, to which
    the next unit refers, so that nobody makes it twice.
    """
    if not isinstance(reference, PictureReference):
        return None
    if is_last:
        with one_blas_thread():
            return rounded(reference.picture)
    return None if reference.made_picture is None else rounded(reference.made_picture)


def _absolute(first: int, number: int | None) -> int | None:
    """Number of a frame in the video, from its number in a unit whose first frame is ``first``."""
    return None if number is None else first + number - 1
