"""Latents of any frame: from the last keyframe or the nearest kept state of the entropy decoder on,
over what lies between.

No torch.
"""

from __future__ import annotations

import io
import pickle
import threading
import zlib

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.container import SharedFile
from bitstream.crew import Crew, helped
from bitstream.errors import BitstreamError
from bitstream.formats import state_parts

from ..decoded import DecodedLatents
from ..decoder.concealment import conceal
from ..decoder.index import StreamIndex
from ..decoder.unit_decoder import UnitDecoder
from ..errors import DamagedFrameError
from .cache import Cache, Kind

_STATE_EVERY = 16  # frames that were passed over, since a state takes as long as a frame to be kept


class LatentSource:
    """Latents of a stream by access unit, with what is decoded kept in a cache, together with the
    state of the decoder at the borders of access units: a jump then costs one access unit rather
    than all since the keyframe.  Units on the way are passed over: of their frames those alone are
    made that others need, and none is kept.

    helpers: threads that help to decode, of ``crew``.  keeps_pictures: whether frames come with
    those that decoding makes of references.  unit_bytes: what the largest access unit took so far.

    Any number of threads may call it; they take turns, access unit by access unit, but for what is
    at hand.
    """

    def __init__(
        self, file: SharedFile, index: StreamIndex, tables: Tables, cache: Cache, helpers: int = 0
    ) -> None:
        self._file, self._index, self._tables, self._cache = file, index, tables, cache
        self.crew = Crew(helpers)
        self._lock, self.keeps_pictures, self.unit_bytes = threading.Lock(), False, 0
        # a decoder, and the access unit it has come to
        self._live: tuple[int, UnitDecoder] | None = None
        # first units of groups in which nothing is passed over any more, for finding out where
        # damage begins
        self._careful = set[int]()

    def close(self) -> None:
        """Let go of the threads."""
        self.crew.dismiss()

    def unit(self, number: int) -> list[DecodedLatents]:
        """The frames of an access unit.  Raises ``DamagedFrameError``."""
        cached = self._known(number)
        if cached is not None:  # without a turn: another unit may be on its way for long
            return cached
        begin: tuple[int, UnitDecoder] | None = None
        while True:
            with self._lock:
                cached = self._known(number)
                if cached is not None:
                    self._live = begin or self._live
                    return cached
                # A decoder on its way is nobody else's: two threads that walk to different places
                # must not undo each other's steps.
                at, decoder = begin or self._nearest(number)
                frames = self._decode(at, decoder, number)
                begin = None if frames is None else (at + 1, decoder)
                if at == number and frames is not None:
                    self._live = begin
                    return frames

    def step_towards(self, number: int, *, survey: bool = False) -> list[DecodedLatents] | None:
        """Decode one access unit on the way to ``number`` → its frames once it is that one.

        Raises ``DamagedFrameError``.

        survey: for the state behind it; latents are kept only where they push out nothing.
        """
        with self._lock:
            cached = self._known(number)
            if cached is not None and not survey:
                return cached
            at, decoder = self._nearest(number)
            frames = self._decode(at, decoder, number, survey)
            if frames is not None:
                self._live = at + 1, decoder
            return frames if at == number else None

    def concealed(self, frame: int) -> DecodedLatents:
        """What stands in for a lost frame (``decoder.concealment``)."""
        while True:
            run = self._index.lost_run(frame)
            try:
                before = self.unit_of(run.start - 1)[-1] if run.start > 0 else None
                after = self.unit_of(run.stop)[0] if run.stop < len(self._index) else None
            except DamagedFrameError:
                continue  # the run is longer than was known
            return conceal(self._index, frame, before, after, self._index.header)

    def unit_of(self, frame: int) -> list[DecodedLatents]:
        """The frames of the access unit that holds a frame.  Raises ``DamagedFrameError``."""
        return self.unit(self._index.unit_of(frame).number)

    def batch_of(self, frame: int, size: int) -> range:
        """The frames that go through the networks with a frame: ``size`` of them counted from the
        keyframe (``PictureDecoder``).
        """
        gop = self._index.gop_of(self._index.unit_of(frame).number)
        keyframe, end = (
            self._index.units[gop.start].first_frame,
            self._index.units[gop.stop - 1].frames[-1] + 1,
        )
        begin = frame - (frame - keyframe) % size
        return range(begin, min(begin + size, end))

    def around(self, frames: range, reach: int) -> tuple[list[DecodedLatents], range]:
        """Frames of one GOP and those within ``reach`` of them, as far as they are in
        that GOP and not damaged, in display order, and the places of the former among them.
        Raises ``DamagedFrameError`` if the first of them is.
        """
        low, high = frames.start - reach, frames.stop - 1 + reach
        first = self._index.unit_of(frames.start)
        window = [each for each in self.unit(first.number) if low <= each.index <= high]
        gop = self._index.gop_of(first.number)
        for number in range(first.number - 1, gop.start - 1, -1):
            if self._index.units[number].frames[-1] < low:
                break
            window = [each for each in self.unit(number) if each.index >= low] + window
        for number in range(first.number + 1, gop.stop):
            if self._index.units[number].first_frame > high:
                break
            try:
                window += [each for each in self.unit(number) if each.index <= high]
            except DamagedFrameError:
                break
        begin = window[0].index
        return window, range(frames.start - begin, min(frames.stop, window[-1].index + 1) - begin)

    def _known(self, number: int) -> list[DecodedLatents] | None:
        """The frames of an access unit if they are at hand.  Raises ``DamagedFrameError``."""
        frames: list[DecodedLatents] | None = self._cache.get(Kind.LATENTS, number)
        if frames is None:
            damage = self._index.damage_at(self._index.units[number].first_frame)
            if damage is not None:
                raise damage
        return frames

    def _nearest(self, number: int) -> tuple[int, UnitDecoder]:
        """The last access unit up to ``number`` that a decoder can go on with, and that decoder,
        which is the caller's from now on.
        """
        begin = self._index.gop_of(number).start
        for at in range(number, begin, -1):
            if self._live is not None and self._live[0] == at:
                live, self._live = self._live, None
                return live
            state = self._cache.get(Kind.STATE, at)
            if state is not None:
                return at, _unpacked(state, self._tables)
        header = self._index.header
        return begin, UnitDecoder(
            self._tables, header.block_latents, self._index.units[begin].first_frame
        )

    def _decode(
        self, number: int, decoder: UnitDecoder, target: int, survey: bool = False
    ) -> list[DecodedLatents] | None:
        """An access unit on the way to ``target`` → its frames, none where it was passed over; None
        where one has to begin anew.  Raises ``DamagedFrameError`` for ``target``.
        """
        entry, gop = self._index.units[number], self._index.gop_of(number)
        may_pass = number != target and not survey and gop.start not in self._careful
        frames: list[DecodedLatents] = []
        try:
            data = self._file.read(entry.position, entry.bytes)
            unit = AccessUnit.parse(data)
            self.crew.begin()
            with helped(self.crew):
                passed = may_pass and decoder.pass_over(unit)
                if not passed:
                    frames = decoder.decode(unit, len(data), pictures=self.keeps_pictures)
        except BitstreamError as error:
            if decoder.has_passed:
                self._take_care(gop)
                return None
            self._index.mark_damaged(number, str(error))
            damage = self._index.damage_at(self._index.units[target].first_frame)
            if damage is None:
                raise
            raise damage from error
        for frame in frames:
            frame.latent.latents.flags.writeable = frame.quantiser_map.flags.writeable = False
        size = sum(map(_size, frames))
        self.unit_bytes = max(size, self.unit_bytes)
        if frames and (not survey or self._cache.used + size <= self._cache.limit):
            self._cache.put(Kind.LATENTS, number, frames, size)
        if not passed or number + 1 == target or self._is_far(number + 1):
            self._keep_state(number + 1, decoder, gop)
        return frames

    def _keep_state(self, before: int, decoder: UnitDecoder, gop: range) -> None:
        """Keep a decoder as it is before an access unit of a group."""
        is_sure = gop.start not in self._careful or not decoder.has_passed
        if is_sure and before < gop.stop and not self._cache.has(Kind.STATE, before):
            state = _packed(decoder, self._tables)
            self._cache.put(Kind.STATE, before, state, len(state))

    def _is_far(self, number: int) -> bool:
        """Whether a state before that access unit is worth its time, though it was not asked for:
        one of so many frames that were passed over.
        """
        before = self._index.units[number - 1].frames
        return before.stop // _STATE_EVERY > before.start // _STATE_EVERY

    def _take_care(self, gop: range) -> None:
        """Have every access unit of a group compared with its checksum from now on, since something
        was wrong behind one that was passed over.
        """
        self._careful.add(gop.start)
        self._live = None
        for number in gop:
            self._cache.drop(Kind.STATE, number)


def _size(frame: DecodedLatents) -> int:
    fields = frame.latent.fields
    arrays = (
        frame.latent.latents,
        frame.quantiser_map,
        fields.modes,
        fields.directions,
        fields.vectors,
        fields.sides,
    )
    picture = 0 if frame.picture is None else frame.picture.nbytes
    return picture + sum(array.nbytes for array in arrays)


def _shared(tables: Tables) -> dict[str, object]:
    """What all states of decoders have in common, by what it is called in them."""
    return {str(number): part for number, part in enumerate(state_parts(tables))}


class _Pickler(pickle.Pickler):
    """Leaves out what all states have in common."""

    def __init__(self, target: io.BytesIO, tables: Tables) -> None:
        super().__init__(target, pickle.HIGHEST_PROTOCOL)
        self._names = {id(value): name for name, value in _shared(tables).items()}

    def persistent_id(self, value: object) -> str | None:
        return self._names.get(id(value))


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, tables: Tables) -> None:
        super().__init__(io.BytesIO(data))
        self._shared = _shared(tables)

    def persistent_load(self, name: str) -> object:
        return self._shared[name]


def _packed(decoder: UnitDecoder, tables: Tables) -> bytes:
    """A decoder as it is, in as few bytes as is quick.  These bytes never leave the process."""
    target = io.BytesIO()
    _Pickler(target, tables).dump(decoder)
    return zlib.compress(target.getvalue(), 1)


def _unpacked(state: bytes, tables: Tables) -> UnitDecoder:
    decoder: UnitDecoder = _Unpickler(zlib.decompress(state), tables).load()
    return decoder
