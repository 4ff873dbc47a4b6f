"""Bits of every part of any frame: ``CodeLengths`` with random access and a cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.errors import BitstreamError

from ..decoder.code_lengths import CodeLengths
from ..decoder.index import StreamIndex

_CACHE_BYTES = 32 << 20


class BitMaps:
    """Bits of the latent positions of any frame of a stream.  Thread safe.

    ``read`` gives the bytes of an access unit by its number.
    """

    def __init__(self, index: StreamIndex, tables: Tables, read: Callable[[int], bytes]) -> None:
        self._index, self._tables, self._read = index, tables, read
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, list[np.ndarray]] = OrderedDict()
        self._bytes = 0
        # a decoder, and the access unit it goes on with
        self._live: tuple[int, CodeLengths] | None = None

    def of(self, frame: int) -> np.ndarray:
        """(h, w) float32: bits of every latent position of a frame.  Raises
        ``DamagedFrameError``.
        """
        unit = self._index.unit_of(frame)
        with self._lock:
            if unit.number not in self._kept:
                self._decode_up_to(unit.number)
            self._kept.move_to_end(unit.number)
            return self._kept[unit.number][frame - unit.first_frame]

    def _decode_up_to(self, number: int) -> None:
        """From the keyframe on, or from where the last call ended."""
        begin = self._index.gop_of(number).start
        at, decoder = begin, CodeLengths(self._tables)
        if self._live is not None and begin <= self._live[0] <= number:
            at, decoder = self._live
        self._live = None
        for each in range(at, number + 1):
            first = self._index.units[each].first_frame
            damage = self._index.damage_at(first)
            if damage is not None:
                raise damage
            try:
                self._keep(each, decoder.of(AccessUnit.parse(self._read(each))))
            except BitstreamError as error:
                self._index.mark_damaged(each, str(error))
                damage = self._index.damage_at(first)
                if damage is None:
                    raise
                raise damage from error
        self._live = number + 1, decoder

    def _keep(self, number: int, maps: list[np.ndarray]) -> None:
        self._kept[number] = maps
        self._kept.move_to_end(number)
        self._bytes += sum(plane.nbytes for plane in maps)
        while self._bytes > _CACHE_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= sum(plane.nbytes for plane in dropped)
