"""A stream as the page wants it: described in JSON, its frames as bytes that a canvas takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bitstream.container import SharedFile

from ..decoded import FrameKind
from ..errors import DamagedFrameError
from ..media.disclosure import Disclosure
from ..models.files import has_text_encoder
from ..reader.reader import VideoReader
from .bit_maps import BitMaps
from .description import describe_frame, describe_guard, describe_stream, packed
from .played import Picture, PlayedFile, Settings, encode_png

if TYPE_CHECKING:
    from ..decoder.frame import Frame


class PlayedStream(PlayedFile):
    """One latent-video file for one player.

    ``reader`` reads the file, with ``settings``, and stays its owner's; ``seed`` is that of the
    restoration, for saved pictures.

    Methods that take the number of a frame raise ``DamagedFrameError`` for a lost one, unless the
    reader conceals it.

    Attributes:
        index, header: of the reader.

    """

    def __init__(
        self, path: str | Path, reader: VideoReader, settings: Settings, *, seed: int = 0
    ) -> None:
        self.index, self.header = reader.index, reader.index.header
        super().__init__(
            path,
            reader.metadata.width,
            reader.metadata.height,
            reader.index.pts_seconds.tolist(),
            settings,
            has_sound=reader.metadata.audio_tracks > 0,
            start=min(Fraction(0), int(self.index.pts[0]) * self.header.time_base),
        )
        self._reader, self._seed = reader, seed
        self._variants = {settings: reader}
        self._lock = threading.Lock()
        self._file = SharedFile.open(path)
        self._bit_maps = BitMaps(self.index, reader.bundle.tables, self._unit_bytes)

    def close(self) -> None:
        """Close files; the reader is its owner's."""
        with self._lock:
            for settings, reader in self._variants.items():
                if settings != self.settings:
                    reader.close()
        self._file.close()

    def describe(self) -> dict[str, object]:
        """The stream, for the page: everything that is known without decoding."""
        return describe_stream(self.header, self.index, self._reader.metadata) | self.facts()

    def rgb(self, index: int, settings: Settings, *, by_the_way: bool = False) -> Picture:
        """A decoded picture (H, W, 3) uint8 RGB."""
        return self._frame(index, settings, by_the_way=by_the_way).data.transpose(1, 2, 0)

    def between(self, index: int, share: Fraction, settings: Settings) -> Picture | None:
        """A picture (H, W, 3) uint8 RGB of a time after a frame, made of it and of the next."""
        if index + 1 >= self.frame_count:
            return None
        begin, end = (Fraction(self.times[number]) for number in (index, index + 1))
        seconds = float(begin + share * (end - begin))
        frame = self._variant(settings).at_time(seconds, interpolate=True)
        return frame.data.transpose(1, 2, 0) if frame.kind == FrameKind.INTERPOLATED else None

    def needs_pytorch(self) -> bool:
        """Whether its pictures are made in PyTorch, which takes seconds to load."""
        return self._reader.needs_pytorch

    def png(self, index: int, settings: Settings) -> bytes:
        """A frame as a PNG file, which says in its metadata how it came about."""
        frame = self._frame(index, settings)
        data = encode_png(frame.data.transpose(1, 2, 0), self.path, index)
        ran = (
            (settings.steps, self._seed)
            if settings.restore and self._reader.bundle.has_unet
            else (None, None)
        )
        bundle = self._reader.bundle
        made_by, lost = (bundle.name, bundle.sha256), int(frame.kind == FrameKind.CONCEALED)
        disclosure = Disclosure.of(self.header, *ran, made_by=made_by, concealed_frames=lost)
        follows_words = (
            ran[0] is not None
            and bool(self._reader.metadata.captions)
            and has_text_encoder(bundle.folder)
            and find_spec("transformers") is not None
        )
        disclosure = replace(disclosure, follows_words=follows_words)
        if self._reader.metadata.makes_up_detail:
            disclosure = disclosure.enlarged()
        return disclosure.mark_png(data)

    def details(self, index: int) -> dict[str, object]:
        """What is known of a frame besides its picture: ``description.describe_frame``, and how
        much larger than it is coded it is shown, across and down.
        """
        try:
            frame = self._reader.latent_frame(index)
        except DamagedFrameError:
            self._note_damage()
            raise
        if frame.kind == FrameKind.CONCEALED:
            self._note_damage()
        self.findings.add_bytes(index, round(frame.byte_share))
        guard = self._reader.metadata.guard
        guarded = {} if guard is None else {"guard": describe_guard(guard, index)}
        magnified = [self.width / self.header.width, self.height / self.header.height]
        known: dict[str, object] = {"index": index, "magnified": magnified}
        made_up = self._reader.metadata.makes_up_detail
        return known | describe_frame(self.header, frame, made_up=made_up) | guarded

    def bits(self, index: int) -> dict[str, object]:
        """Bits of every latent position (``decoder.code_lengths``), base64 of little-endian
        float32.
        """
        try:
            return {"index": index, "bits": packed(self._bit_maps.of(index), "<f4")}
        except DamagedFrameError:
            self._note_damage()
            raise

    def weigh(self) -> Sequence[Callable[[], None]]:
        """One step for every access unit, and one that tells of damage."""
        units = range(len(self.index.units))
        return [*(partial(self._weigh_unit, unit) for unit in units), self._note_damage]

    def _weigh_unit(self, number: int) -> None:
        for frame in self.index.units[number].frames:
            if not self.findings.has("bytes", frame):
                self.details(frame)

    def _frame(self, index: int, settings: Settings, *, by_the_way: bool = False) -> Frame:
        reader = self._variant(settings)
        try:
            frame = reader.peek(index) if by_the_way else reader[index]
        except DamagedFrameError:
            self._note_damage()
            raise
        if frame.kind == FrameKind.CONCEALED:
            self._note_damage()
        self.findings.add_bytes(index, frame.bytes)
        return frame

    def _note_damage(self) -> None:
        """Tell the pages of access units that were found to be damaged."""
        for unit in self.index.units:
            if unit.damage is not None and not self.findings.has("damaged", unit.first_frame):
                self.findings.add_damage(unit.first_frame, unit.frame_count, unit.damage)

    def _variant(self, settings: Settings) -> VideoReader:
        with self._lock:
            if settings not in self._variants:
                self._variants[settings] = self._reader.with_settings(
                    restore=settings.restore, steps=settings.steps
                )
            return self._variants[settings]

    def _unit_bytes(self, number: int) -> bytes:
        entry = self.index.units[number]
        return self._file.read(entry.position, entry.bytes)
