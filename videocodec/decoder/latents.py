"""From a latent-video file to exact latents, frame by frame.

No torch here: ``verify`` and ``info`` live on this.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import SharedFile, StreamReader
from bitstream.errors import AttachedModelError, BitstreamError, ContainerError
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Direction
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.tables import CodecTables

from ..errors import ForcedModelWarning, ModelMismatchError, UnknownModelError
from ..models.attached import attached_bundle, errors_of
from ..models.bundle import ModelBundle, available
from .index import StreamIndex, check_unchanged

CONCEALED = "concealed"


@dataclass(frozen=True)
class DecodedLatents:
    """A frame's latents with what is known about them.

    latent: the exact frame.  pts, duration: ticks of the header's time base.  kind: "keyframe" or
    "inter", or "concealed" for one that stands in for a lost frame.  byte_share: bytes of its
    access unit that it is responsible for (by code length).  quantiser_map (h, w) uint8: the
    quantiser that last refined each position.  index: 0.. in display order.  references: index of
    the frames that it is predicted from, past and future, None where it has none.  concealment: of
    a concealed one, how ("interpolated", "repeated", "grey").
    """

    latent: LatentFrame
    pts: int
    duration: int
    kind: str
    byte_share: float
    quantiser_map: np.ndarray
    index: int
    references: tuple[int | None, int | None]
    concealment: str | None = None


def bundle_for(header: SequenceHeader) -> ModelBundle:
    """The bundle a stream was written with.

    Raises ``ModelMismatchError`` that names both when it is not at hand.
    """
    # The likely ones first: the identity of a large model takes a while to work out.
    names = sorted(available(), key=lambda name: name.rpartition("/")[2] != header.model_name)
    bundles = [bundle for name in names if (bundle := _usable(name))]
    for bundle in bundles:
        if bundle.sha256 == header.model_sha256:
            return bundle
    for bundle in bundles:
        if bundle.name == header.model_name:
            raise ModelMismatchError(
                f"stream needs model {header.model_name} {header.model_sha256[:16]}…, this"
                f" installation has {header.model_name} {bundle.sha256[:16]}…: decode with the"
                " version of videocodec that wrote it"
            )
    raise ModelMismatchError(
        f"stream needs model {header.model_name} {header.model_sha256[:16]}…, which is unknown"
        f" here: this installation has {', '.join(available())}; if you have its bundle, give that"
        " folder as the model"
    )


def _usable(name: str) -> ModelBundle | None:
    """One bad folder among a user's models must not stand in the way of the others."""
    try:
        return ModelBundle.find(name)
    except UnknownModelError:
        return None


class LatentStream:
    """A latent-video file opened for decoding its latents in order, as often as one likes.

    ``model`` names a bundle or its folder; None finds the stream's own, among those that are
    installed or else attached to the file. ``force_model``: take ``model`` though it is not the
    stream's own, if it has as many latent channels, with a ``ForcedModelWarning``. Raises
    ``ContainerError``, ``UnsupportedVersionError``, ``UnknownModelError`` or ``ModelMismatchError``
    when opened, and ``ValueError`` for ``force_model`` without ``model``; ``frames`` raises
    ``BitstreamError`` with the file's name.
    """

    def __init__(
        self,
        path: str | Path | SharedFile,
        model: str | Path | None = None,
        *,
        force_model: bool = False,
    ) -> None:
        if force_model and model is None:
            raise ValueError("force_model needs a model to force: give its name or folder")
        self.path = path
        self._index: StreamIndex | None = None
        self.reader = StreamReader(path)
        self.header = self.reader.header
        self.bundle = self._own_bundle() if model is None else ModelBundle.find(model)
        if self.bundle.sha256 != self.header.model_sha256:
            self._check_header()
            if not force_model:
                raise ModelMismatchError(
                    f"{path}: needs model {self._wanted}, {self.bundle.name} is"
                    f" {self.bundle.sha256[:16]}…: give the bundle that wrote the stream"
                )
            self._force()

    @property
    def _wanted(self) -> str:
        return f"{self.header.model_name} {self.header.model_sha256[:16]}…"

    def _own_bundle(self) -> ModelBundle:
        try:
            return bundle_for(self.header)
        except ModelMismatchError as error:
            try:
                attached = attached_bundle(self.reader)
            except AttachedModelError as damage:
                self._check_header()
                problem = (
                    f"the model attached to the file is damaged ({damage}), and this installation"
                    " does not have it"
                )
                raise ModelMismatchError(
                    f"{self.path}: {problem}: it needs model {self._wanted}: copy the file again,"
                    " or give the bundle as the model"
                ) from damage
            if attached is None:
                self._check_header()
                raise ModelMismatchError(f"{self.path}: {error}") from error
            with errors_of(attached, self.path):
                attached.tables  # noqa: B018  read once, here
            return attached

    def _check_header(self) -> None:
        """A damaged header says nothing about models."""
        if not self.reader.header_is_intact:
            raise ContainerError(
                f"{self.path}: the first access unit is damaged: copy or download the file again"
            )

    def _force(self) -> None:
        given, wanted = self.bundle.tables.latent_channels, self.header.latent_channels
        if given != wanted:
            raise ModelMismatchError(
                f"{self.path}: needs model {self._wanted} with {wanted} latent channels,"
                f" {self.bundle.name} {self.bundle.sha256[:16]}… has {given} and cannot be forced"
                " on it"
            )
        warnings.warn(
            f"{self.path}: needs model {self._wanted}, forced to decode with {self.bundle.name}"
            f" {self.bundle.sha256[:16]}…: with other codec tables latents differ and fail their"
            " checksums, with other networks the pictures are not those that were encoded",
            ForcedModelWarning,
            stacklevel=3,
        )

    def index(self) -> StreamIndex:
        """Where every frame is; worked out once.  Raises ``ContainerError``."""
        if self._index is None:
            self._index = StreamIndex(self.reader)
        return self._index

    def frames(self, first: int = 0) -> Iterator[DecodedLatents]:
        """All frames in display order from the keyframe at or before frame ``first`` on, each
        verified against its checksum.
        """
        begin = before = 0
        if first:
            index = self.index()
            begin = index.group_of(index.unit_of(first).number).start
            before = index.units[begin].first_frame
            begin = next(
                (unit.sample for unit in index.units[begin:] if unit.sample is not None), begin
            )
        decoder = UnitDecoder(self.bundle.tables, 1 << self.header.block_log2, before)
        for sample in self.reader.units():
            if sample.index < begin:
                continue
            try:
                unit = AccessUnit.parse(sample.data)
                check_unchanged(self.header, unit.header)
                yield from decoder.decode(unit, len(sample.data))
            except BitstreamError as error:
                where = f"access unit {sample.index} (frame {decoder.frames_before})"
                raise type_of(error)(f"{self.path}: {where}: {error}") from error

    def concealed_frames(self, first: int = 0) -> Iterator[DecodedLatents]:
        """The same, with lost frames concealed (``concealment``), in the order and with the times
        of ``index``.  What only decoding finds to be wrong is marked there.
        """
        from .concealment import conceal

        index = self.index()
        if index.damage_at(first) is not None:
            first = max(index.lost_run(first).start - 1, 0)
        begin = index.group_of(index.unit_of(first).number).start
        decoder = UnitDecoder(self.bundle.tables, 1 << self.header.block_log2)
        before: DecodedLatents | None = None
        lost = range(0)
        shared = isinstance(self.path, SharedFile)
        file = self.path if shared else SharedFile.open(self.path)
        try:
            for number in range(begin, len(index.units)):
                frames = _decoded(file, index, number, decoder)
                if frames is None:
                    unit = index.units[number]
                    lost = range(lost.start if lost else unit.first_frame, unit.frames.stop)
                    continue
                for frame in lost:
                    yield conceal(index, frame, before, frames[0], self.header)
                lost, before = range(0), frames[-1]
                yield from frames
            for frame in lost:
                yield conceal(index, frame, before, None, self.header)
        finally:
            if not shared:
                file.close()


def _decoded(
    file: SharedFile, index: StreamIndex, number: int, decoder: UnitDecoder
) -> list[DecodedLatents] | None:
    """The frames of an access unit, None if they are lost; a newly found damage is marked."""
    entry = index.units[number]
    if entry.damage is not None:
        return None
    decoder.frames_before = entry.first_frame
    try:
        data = file.read(entry.position, entry.bytes)
        return decoder.decode(AccessUnit.parse(data), len(data))
    except BitstreamError as error:
        index.mark_damaged(number, str(error))
        return None


def type_of(error: BitstreamError) -> type[BitstreamError]:
    """The class to raise again with a file's name in front; ``FieldError`` needs more than a
    message.
    """
    return type(error) if type(error).__init__ is ValueError.__init__ else BitstreamError


class UnitDecoder:
    """Access units in order, from a keyframe on, to their frames with all that is known of them.

    block: latents a side of a block.  frames_before: of the stream, before the first unit that is
    given.
    """

    def __init__(self, tables: CodecTables, block: int, frames_before: int = 0) -> None:
        self._decoder, self._maps = LatentDecoder(tables), QuantiserMaps(block)
        self.frames_before = frames_before

    def decode(self, unit: AccessUnit, size: int) -> list[DecodedLatents]:
        """The frames of a unit of ``size`` bytes, in display order.  Raises ``BitstreamError``."""
        frames = self._decoder.decode(unit)
        bits = sum(f.block_bits + f.level_bits for f in frames) or 1.0
        kind = "keyframe" if unit.is_keyframe else "inter"
        first, out = self.frames_before, []
        # Numbers inside a unit count from 1, and 0 is the frame before it.
        references = {
            e.display_index: tuple(None if n is None else first + n - 1 for n in (e.past, e.future))
            for e in unit.references
        }
        for i, (frame, quantisers) in enumerate(zip(frames, self._maps.of(unit, frames))):
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
                )
            )
        self.frames_before += len(frames)
        return out


class QuantiserMaps:
    """Which quantiser last refined each position of each frame; copied positions bring theirs along
    (nearest position).

    The networks after the exact latents are told these: a block copied from a fine keyframe is as
    clean as the keyframe.
    """

    def __init__(self, block: int) -> None:
        self._block = block
        self._anchor: np.ndarray | None = None

    def of(self, unit: AccessUnit, frames: tuple[LatentFrame, ...]) -> list[np.ndarray]:
        """(h, w) uint8 for every frame of a unit, in display order.

        Units come in order, from a keyframe on.
        """
        known = {0: self._anchor}
        for entry in unit.references:
            frame = frames[entry.display_index]
            past = None if entry.past is None else known[entry.past]
            future = None if entry.future is None else known[entry.future]
            known[entry.display_index + 1] = self.of_frame(frame, past, future)
        self._anchor = known[len(frames)]
        return [known[i + 1] for i in range(len(frames))]

    def of_frame(
        self, frame: LatentFrame, past: np.ndarray | None = None, future: np.ndarray | None = None
    ) -> np.ndarray:
        """(h, w) uint8 of a frame, from those of its references."""
        shape = frame.latents.shape[1:]
        own = np.full(shape, frame.quantiser, dtype=np.uint8)
        copied = ~frame.fields.coded.repeat(self._block, 0).repeat(self._block, 1)
        brought = np.full(shape, 255, dtype=np.uint8)
        for index, reference, unused in ((0, past, Direction.FUTURE), (1, future, Direction.PAST)):
            if reference is not None:
                uses = copied & (frame.fields.directions != unused).repeat(self._block, 0).repeat(
                    self._block, 1
                )
                rows, columns = np.nonzero(uses)
                moved = (
                    frame.fields.vectors[index].repeat(self._block, 0).repeat(self._block, 1)[uses]
                    + 4
                ) // 8
                source = reference[
                    np.clip(rows + moved[:, 0], 0, shape[0] - 1),
                    np.clip(columns + moved[:, 1], 0, shape[1] - 1),
                ]
                # An average is at least as clean as the cleaner of the two.
                brought[uses] = np.minimum(brought[uses], source)
        return np.where(brought < 255, brought, own)
