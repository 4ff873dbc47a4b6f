"""Whole streams of format version 2: access units with keyframes and frames between them."""

from __future__ import annotations

from ..reference_v1.decoder import Latents, ReferenceDecoder
from ..reference_v1.syntax import KEYFRAME
from .inter import ReferenceInter
from .levels import ReferenceLevels

NETWORK = ("direct", "direct_bias", "gather", "gather_bias", "mix")
INTER = ("inter.", "loop.", "block.", "search_map", "error_weights")


def check_parts(tensors: dict) -> None:
    """Difference networks, and tables for inter frames, are there with all of their parts or not at
    all.
    """
    slices = range(len(tensors["slices"]))
    differences = {f"difference.{i}.{part}" for i in slices[:4] for part in NETWORK}
    inter = {f"inter.{i}.{part}" for i in slices for part in NETWORK}
    inter |= {"loop.shape", "inter.last_slice", "block.mode", "search_map", "error_weights"}
    for beginnings, needed in ((("difference.",), differences), (INTER, inter)):
        if any(name.startswith(beginnings) for name in tensors) and not needed <= tensors.keys():
            raise ValueError(f"some of {beginnings} are missing")


class SecondReferenceDecoder(ReferenceInter):
    """tensors: the integers of section 5 by name, as nested lists."""

    def __init__(self, tensors: dict) -> None:
        check_parts(tensors)
        self.has_inter = "loop.shape" in tensors
        if self.has_inter:
            super().__init__(tensors)
        else:
            self.tensors, self.slices = tensors, tensors["slices"]
        self.header: dict | None = None

    def _decode(self, unit) -> list[Latents]:
        if unit.structure == KEYFRAME:
            if unit.header["format_version"] != 2:
                raise ValueError("format_version")
            if unit.header["latent_channels"] != sum(self.slices):
                raise ValueError("latent_channels")
            if not self.has_inter:
                return [self._keyframe_alone(unit)]
            return [self.decode_keyframe(unit.payload, unit.quantisers[0], unit.header)]
        if not self.has_inter:
            raise ValueError("tables for keyframes alone")
        return ReferenceDecoder._decode(self, unit)

    def shown(self, frame: Latents) -> bytes:
        """The picture of a frame of the last unit by annex A: row by row, red, green and blue."""
        planes = self._picture(frame)
        return bytes(
            (plane[r][c] + 2) >> 2
            for r in range(self.header["height"])
            for c in range(self.header["width"])
            for plane in planes
        )

    def _keyframe_alone(self, unit) -> Latents:
        self.header = unit.header
        size = unit.header["latent_height"], unit.header["latent_width"]
        frame = ReferenceLevels(self.tensors, *size).decode(unit.payload, unit.quantisers[0])
        return [
            [[self.latent(value, 0, unit.quantisers[0]) for value in row] for row in plane]
            for plane in frame
        ]
