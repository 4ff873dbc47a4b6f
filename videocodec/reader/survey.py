"""Which access units a reader goes through while nobody waits, so that later jumps are quick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..decoder.index import StreamIndex
from .cache import Cache, Kind
from .latents import LatentSource

_STATE_BYTES = 1 << 18  # about what the state of an entropy decoder takes at 512×288


class Survey:
    """What is left of it: access units after which no state is kept though one is needed, and those
    that a jump passed over, while their latents fit into the memory.
    """

    def __init__(self, index: StreamIndex, latents: LatentSource, cache: Cache) -> None:
        self._index, self._latents, self._cache = index, latents, cache

    def left(self, units: Iterable[int]) -> Iterator[int]:
        """Those of some access units."""
        if not self._cache.room_for(Kind.STATE, _STATE_BYTES):
            return
        for number in units:
            if number + 1 == len(self._index.units):
                continue
            following = self._index.units[number + 1]
            is_needed = not following.is_keyframe and not following.damage
            if is_needed and (not self._cache.has(Kind.STATE, number + 1) or self._lacks(number)):
                yield number

    def _lacks(self, number: int) -> bool:
        fits = self._cache.used + self._latents.unit_bytes <= self._cache.limit
        return fits and not self._cache.has(Kind.LATENTS, number)
