"""A picture as a keyframe of format version 2, with the weights of a training: real bytes
for networks that have no bundle yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bitstream.access_unit import AccessUnit
from bitstream.errors import ChecksumError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import CRF_OFFSET, UNITS_PER_LATENT, step_latent
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.frame_coder import FrameCoder

from ..calibration.second import tables_of, with_level_sizes
from ..networks.second.codec import SecondCodec
from .conditional_quantiser import DEAD_ZONE, rounding

_WHITE = 127.5  # grey levels to either side of 0
_LARGEST_CRF = 63


@dataclass(frozen=True)
class CodedPicture:
    """data: the access unit.  decoded: RGB uint8 (H, W, 3), of these bytes."""

    data: bytes
    decoded: npt.NDArray[np.uint8]


class PictureCoder:
    """Codes pictures with a file of weights, on the CPU.

    weights: safetensors of ``SecondCodec``.  Raises ``UnknownModelError`` for other files.
    """

    def __init__(self, weights: Path, codec: SecondCodec | None = None) -> None:
        """codec: of the shape of the weights, where that is not the default."""
        self._codec = codec or SecondCodec()
        self._codec.load(weights)
        self._codec.eval()
        self.tables = with_level_sizes(tables_of(self._codec.rate))
        self._sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()

    def code(
        self,
        rgb: npt.NDArray[np.uint8],
        quantiser: int,
        dead_zone: float = DEAD_ZONE,
        slice_count: int | None = None,
    ) -> CodedPicture:
        """Code RGB (H, W, 3) and decode it from the bytes.

        quantiser: 0..127; slice_count: leave out the others.  Raises ``ChecksumError`` if the
        decoder finds other latents than the encoder.
        """
        header = self._header(rgb.shape, quantiser)
        padding = (header.padded_height - header.height, header.padded_width - header.width)
        padded = np.pad(rgb, ((0, padding[0]), (0, padding[1]), (0, 0)), mode="edge")
        pictures = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / _WHITE - 1
        with torch.inference_mode():
            scaled = self._codec.encoder(pictures)[0].numpy()
        coder, writer = FrameCoder.for_header(self.tables, header), SymbolWriter()
        choose = rounding(scaled, quantiser, dead_zone)
        frame = coder.code_keyframe(writer, quantiser, choose, slice_count)
        unit = AccessUnit(
            structure=Structure.KEYFRAME,
            header=header,
            first_pts=0,
            durations=(1,),
            quantisers=(quantiser,),
            latent_checksum=latent_checksum((frame,)),
            payload=writer.finish(),
        )
        data = unit.to_bytes()
        (decoded,) = LatentDecoder(self.tables).decode(AccessUnit.parse(data))
        if not np.array_equal(decoded.latents, frame.latents):
            raise ChecksumError("decoded latents differ from the encoder's")
        return CodedPicture(data, self._picture(decoded.latents, quantiser, rgb.shape))

    def _header(self, shape: tuple[int, ...], quantiser: int) -> SequenceHeader:
        return SequenceHeader(
            format_version=self.tables.format_version,
            width=shape[1],
            height=shape[0],
            time_base=Fraction(1),
            latent_channels=self.tables.latent_channels,
            crf=min(max(quantiser - CRF_OFFSET, 0), _LARGEST_CRF),
            gop_size=1,
            preset=0,
            model_name="model",
            model_sha256=self._sha256,
        )

    def _picture(
        self, latents: npt.NDArray[np.int16], quantiser: int, shape: tuple[int, ...]
    ) -> npt.NDArray[np.uint8]:
        scaled = torch.from_numpy(latents.astype(np.float32) / UNITS_PER_LATENT)[None]
        log2_step = torch.log2(torch.tensor([step_latent(quantiser)]))
        with torch.inference_mode():
            decoded = self._codec.decoder(scaled, log2_step)[0].permute(1, 2, 0)
        grey_levels = ((decoded.clamp(-1, 1) + 1) * _WHITE).round().byte().numpy()
        picture: npt.NDArray[np.uint8] = grey_levels[: shape[0], : shape[1]]
        return picture
