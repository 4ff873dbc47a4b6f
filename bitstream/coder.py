"""What the decoder's frame asks of a version of the format."""

from __future__ import annotations

from typing import Any, Protocol

from .group_structure import FrameReference
from .v1.frame_coder import LatentFrame
from .v1.observer import Observer
from .v1.symbol_coder import SymbolReader


class Tables(Protocol):
    """The codec tables of a model."""

    @property
    def format_version(self) -> int:
        """That they are of."""

    @property
    def latent_channels(self) -> int:
        """C."""

    @property
    def slices(self) -> tuple[int, ...]:
        """Channels per slice, adding up to C."""


class Coder(Protocol):
    """Codes the frames between two keyframes, keyframe included."""

    def reader(self, payload: bytes, observer: Observer | None = None) -> SymbolReader:
        """What reads the payload of an access unit, and tells an observer of it."""

    def reference(self, frame: Any) -> Any:
        """A reconstructed frame as later ones refer to it."""

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit."""

    def code_keyframe(self, io: Any, quantiser: int) -> LatentFrame:
        """A frame that refers to no other."""

    def code_inter(
        self,
        io: Any,
        quantiser: int,
        entry: FrameReference,
        references: tuple[Any, ...],
    ) -> LatentFrame:
        """A frame predicted from those that ``entry`` names."""
