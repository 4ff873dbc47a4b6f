"""From a latent-video file to exact latents, frame by frame.

No torch here: ``verify`` and ``info`` live on this.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import SharedFile, StreamReader
from bitstream.errors import AttachedModelError, BitstreamError, ContainerError, FieldError
from bitstream.sequence_header import SequenceHeader

from ..decoded import DecodedLatents
from ..errors import ForcedModelWarning, ModelMismatchError, SettingsError, UnknownModelError
from ..models.attached import attached_bundle, errors_of
from ..models.bundle import ModelBundle, available
from ..models.files import has_upscaler
from ..scaling import check_decoding_scale, is_for_twice
from .index import StreamIndex
from .scanning import check_unchanged
from .unit_decoder import UnitDecoder


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
    stream's own, if its tables are of the stream's format version and it has as many latent
    channels, with a ``ForcedModelWarning``. ``coded_size``: pictures are wanted as they are coded,
    whatever size the file shows them at. ``scale``: they are wanted at so many times their width
    and height. ``makes_up``: a network of the model may make up detail where pictures are shown
    larger than coded. Raises ``ContainerError``, ``UnsupportedVersionError``,
    ``UnknownModelError`` or ``ModelMismatchError`` when opened, and ``ValueError`` for
    ``force_model`` without ``model`` or another scale than there is; ``frames`` raises
    ``BitstreamError`` with the file's name.
    """

    def __init__(
        self,
        path: str | Path | SharedFile,
        model: str | Path | None = None,
        *,
        force_model: bool = False,
        coded_size: bool = False,
        scale: int = 1,
        makes_up: bool = True,
    ) -> None:
        check_decoding_scale(scale)
        if force_model and model is None:
            raise SettingsError("force_model needs a model to force: give its name or folder")
        self.path, self._coded_size, self.scale = path, coded_size, scale
        self._makes_up = makes_up
        self._index: StreamIndex | None = None
        self.reader = StreamReader(path)
        self.header = self.reader.header
        self.bundle = self._own_bundle() if model is None else ModelBundle.find(model)
        if self.bundle.sha256 != self.header.model_sha256:
            self._check_header()
            if not force_model:
                raise ModelMismatchError(
                    f"{path}: needs model {self._needed_model}, {self.bundle.name} is"
                    f" {self.bundle.sha256[:16]}…: give the bundle that wrote the stream"
                )
            self._force()

    @property
    def shown(self) -> SequenceHeader:
        """The header with the size that pictures are given at."""
        size = self.reader.shown_size
        if self._coded_size:
            size = self.header.width, self.header.height
        width, height = (self.scale * side for side in size)
        try:
            return replace(self.header, width=width, height=height)
        except FieldError as error:
            raise SettingsError(
                f"{self.path}: {width}×{height} are too many pixels for a picture: decode it at"
                " scale 1"
            ) from error

    @property
    def makes_up_detail(self) -> bool:
        """Whether pictures are larger than they are coded because a network of the model makes them
        so, with detail that was never sent (``scaling.is_for_twice``).
        """
        shown, coded = self.shown, self.header
        is_large = is_for_twice((coded.width, coded.height), (shown.width, shown.height))
        return is_large and self._makes_up and has_upscaler(self.bundle.folder)

    @property
    def _needed_model(self) -> str:
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
                    f"{self.path}: {problem}: it needs model {self._needed_model}:"
                    " copy the file again,"
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
        tables, header = self.bundle.tables, self.header
        named = f"{self.path}: needs model {self._needed_model}"
        other = f"{self.bundle.name} {self.bundle.sha256[:16]}…"
        if tables.format_version != header.format_version:
            raise ModelMismatchError(
                f"{named} of format version {header.format_version}, {other} is of version"
                f" {tables.format_version} and cannot be forced on it"
            )
        if tables.latent_channels != header.latent_channels:
            raise ModelMismatchError(
                f"{named} with {header.latent_channels} latent channels, {other} has"
                f" {tables.latent_channels} and cannot be forced on it"
            )
        warnings.warn(
            f"{self.path}: needs model {self._needed_model}, forced to decode with"
            f" {self.bundle.name}"
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

    def frames(self, first: int = 0, *, pictures: bool = False) -> Iterator[DecodedLatents]:
        """All frames in display order from the keyframe at or before frame ``first`` on, each
        verified against its checksum.  pictures: keep those that decoding makes of references.
        """
        begin = before = 0
        if first:
            index = self.index()
            begin = index.gop_of(index.unit_of(first).number).start
            before = index.units[begin].first_frame
            begin = next(
                (unit.sample for unit in index.units[begin:] if unit.sample is not None), begin
            )
        decoder = UnitDecoder(self.bundle.tables, self.header.block_latents, before)
        for sample in self.reader.units():
            if sample.index < begin:
                continue
            try:
                unit = AccessUnit.parse(sample.data)
                check_unchanged(self.header, unit.header)
                yield from decoder.decode(unit, len(sample.data), pictures=pictures)
            except BitstreamError as error:
                place = f"access unit {sample.index} (frame {decoder.frames_before})"
                raise error.located(f"{self.path}: {place}") from error
