"""The guard: frames are coded again, finer in the squares that fall short of a limit, until these
hold in the decoded picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import UNITS_PER_LATENT, clamp_latents
from bitstream.v1.symbol_coder import SymbolWriter

from ..guard import SQUARE, GuardLimit, square_grid
from .aiming import CodedVersion
from .frame_encoder import FrameEncoder
from .frame_plan import EncoderFrame, FramePlan
from .local_plans import local_quantisers, of_blocks, with_quantisers
from .region_frames import RegionFrames
from .square_measures import square_measures

# Quantiser indices by which a square is coded finer, round after round.
_FINER = (0, 6, 12, 18, 25, 32, 40, 50)
_MOST_ROUNDS = 16
# What a square must have beyond the limit: decoders round pictures in batches of other sizes, and
# some make them in floating point where they could be exact.
_MARGINS = {"ssim": 0.0005, "psnr": 0.02}

# Latents (C, h, w) in latent units, and the quantiser of every position (h, w) → a picture
# (H, W, 3) uint8 of the given height and width.
Decoder = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]


class SquareGuard:
    """Sees which squares of coded frames hold.

    decode: as decoders of the stream do by default on CPUs.  unheld: of every frame coded last, by
    its timestamp, a bit for every square as hexadecimal digits.
    """

    def __init__(self, decode: Decoder, header: SequenceHeader, limit: GuardLimit) -> None:
        self._decode, self._limit = decode, limit
        self._least = limit.least + _MARGINS[limit.measure]
        self._size, self.header = (header.height, header.width), header
        self.unheld: dict[int, str] = {}

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of squares."""
        return square_grid(*self._size)

    def holding(self, coded: CodedVersion, picture: np.ndarray) -> npt.NDArray[np.bool_]:
        """(rows, columns): which squares of a coded frame hold against its source (H, W, 3)."""
        return self._holding(coded.frame.latents, coded.quantisers, picture)

    def can_hold(self, latents: np.ndarray, picture: np.ndarray) -> npt.NDArray[np.bool_]:
        """(rows, columns): which squares hold if scaled latents (C, h, w) are sent as finely as
        can be; nothing helps the others.
        """
        finest = np.zeros(latents.shape[1:], dtype=np.uint8)
        units = clamp_latents(np.rint(latents * np.float32(UNITS_PER_LATENT)))
        return self._holding(units, finest, picture)

    def _holding(
        self, latents: np.ndarray, quantisers: np.ndarray, picture: np.ndarray
    ) -> npt.NDArray[np.bool_]:
        decoded = self._decode(latents, quantisers, *self._size)
        holding: npt.NDArray[np.bool_] = (
            square_measures(self._limit.measure, decoded, picture) >= self._least
        )
        return holding

    def note(self, pts: int, holding: np.ndarray) -> None:
        """Remember what became of a frame."""
        self.unheld[pts] = np.packbits(~holding).tobytes().hex()

    def taken(self, frames: int) -> tuple[str, ...]:
        """What became of the first frames in display order that are not taken yet."""
        return tuple(self.unheld.pop(pts) for pts in sorted(self.unheld)[:frames])


class GuardedFrames:
    """A ``FrameEncoder`` whose frames are coded until their squares hold."""

    def __init__(self, frames: FrameEncoder | RegionFrames, guard: SquareGuard) -> None:
        self._frames, self._guard = frames, guard

    def code(
        self,
        coder: Any,
        writer: SymbolWriter,
        frame: EncoderFrame,
        plan: FramePlan,
        choices: Any | None = None,
    ) -> tuple[Any, CodedVersion]:
        """As ``FrameEncoder.code``; ``choices``: none, since nobody is asked for ``prices``."""
        if frame.picture is None:
            raise ValueError("frames that are guarded come with their pictures")
        before, rounds = writer.copy(), np.zeros(self._guard.grid, dtype=np.int64)
        reachable: np.ndarray | None = None
        for _ in range(_MOST_ROUNDS):
            coded = self._frames.code(coder, writer, frame, self._finer(plan, rounds))
            holding = self._guard.holding(coded[1], frame.picture)
            if holding.all():
                break
            if reachable is None:
                reachable = self._guard.can_hold(frame.latents, frame.picture)
            again = ~holding & reachable
            if not again.any():
                break
            # What does not hold at its finest is worth no more bytes than without a guard.
            beyond = again & (rounds == len(_FINER) - 1)
            reachable &= ~beyond
            rounds = np.where(beyond, 0, rounds + again)
            writer.restore(before)
        else:
            coded = self._frames.code(coder, writer, frame, self._finer(plan, rounds))
            holding = self._guard.holding(coded[1], frame.picture)
        self._guard.note(frame.pts, holding)
        return coded

    def prices(self, coder: Any) -> None:
        """None: what is chosen depends on what holds."""

    def choices(self, prices: Any, frame: EncoderFrame, plan: FramePlan) -> Any:
        """As ``FrameEncoder.choices``."""
        return self._frames.choices(prices, frame, plan)

    def _finer(self, plan: FramePlan, rounds: np.ndarray) -> FramePlan:
        """A plan with squares finer by ``rounds`` (rows, columns) of ``_FINER``."""
        if not rounds.any():
            return plan
        finer = np.array(_FINER)[rounds]
        wanted = local_quantisers(plan, header := self._guard.header)
        # padded blocks beyond the last square are nobody's business
        wanted = wanted - of_blocks(finer, SQUARE // header.block_size, wanted.shape)
        return with_quantisers(plan, wanted, header)
