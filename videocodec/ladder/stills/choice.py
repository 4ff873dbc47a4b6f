"""Which encode a codec has for a target: at every size the finest that fits, of these the best."""

from __future__ import annotations

from collections.abc import Sequence

from ..metrics import Figure
from .encodes import Count, StillEncode, StillEncodes
from .search import finest_within


class Chooser:
    """Chooses among the encodes of one picture by one codec.

    shares: of the sides that may be coded, largest first.
    count: whether targets are of the coded picture's bytes or of the whole file's.
    judge: the figure that decides between sizes; None: the largest size that fits is taken.
    """

    def __init__(
        self, encodes: StillEncodes, shares: Sequence[float], count: Count, judge: Figure | None
    ) -> None:
        self._encodes, self._shares, self._count, self._judge = encodes, shares, count, judge

    def smallest(self) -> StillEncode:
        """The encode of fewest bytes, of these the largest."""
        return min((self._encodes.at(share, 0) for share in self._shares), key=self._bytes)

    def best(self, target: int) -> StillEncode | None:
        """The encode for a target; None where none is so small.

        Sizes are tried from the largest on, as long as they get better, and no further where even
        the finest setting fits.
        """
        best: tuple[float, StillEncode] | None = None
        for share in self._shares:
            place = self._finest(share, target)
            if place is None:
                continue
            encode = self._encodes.at(share, place)
            score = self._score(encode)
            if best is not None and score <= best[0]:
                break
            best = score, encode
            if self._judge is None or place == len(self._encodes.codec.settings) - 1:
                break
        return None if best is None else best[1]

    def _finest(self, share: float, target: int) -> int | None:
        def taken(place: int) -> int:
            return self._bytes(self._encodes.at(share, place))

        return finest_within(taken, len(self._encodes.codec.settings), target)

    def _bytes(self, encode: StillEncode) -> int:
        return encode.picture_bytes if self._count == "picture" else encode.file_bytes

    def _score(self, encode: StillEncode) -> float:
        if self._judge is None:
            return 0.0
        value = self._encodes.shown(encode).quality[self._judge.name]
        return value if self._judge.higher_is_better else -value
