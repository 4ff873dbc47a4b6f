"""Clips as streams of format version 2, with the weights of a training: real bytes for
networks that have no bundle yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch

from bitstream.access_unit import AccessUnit
from bitstream.formats import format_of
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v1.tables import CodecTables
from bitstream.v2.tables import LevelTables

from ..decoded import QUANTISER_STEPS, QuantiserMaps
from ..networks.second.codec import SecondCodec
from .frame_encoder import EncoderHelpers
from .frame_plan import EncoderFrame
from .group_encoder import GroupEncoder
from .motion import MotionSearch
from .second_frame_encoder import BLOCK_LOG2
from .settings import EncoderSettings

_WHITE = 127.5  # grey levels to either side of 0


class ClipCoder:
    """Codes clips with the networks of a training, on the CPU.

    tables: those of format version 2, or, to compare with, those of version 1 for the same
    networks.
    """

    def __init__(
        self, codec: SecondCodec, tables: CodecTables | LevelTables, block_log2: int = BLOCK_LOG2
    ) -> None:
        """block_log2: of the side of a block in latents."""
        self._codec, self.tables = codec.eval(), tables
        self._block_log2 = block_log2

    def header(self, width: int, height: int, crf: int) -> SequenceHeader:
        """Of a stream of such pictures, a tick a frame."""
        return SequenceHeader(
            format_version=self.tables.format_version,
            width=width,
            height=height,
            time_base=Fraction(1, 25),
            block_log2=self._block_log2,
            latent_channels=self.tables.latent_channels,
            crf=crf,
            gop_size=250,
            preset=0,
            model_name="model",
            model_sha256="0" * 64,
        )

    def prepared(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[EncoderFrame]:
        """RGB (H, W, 3) of every frame → what the encoder codes."""
        height, width = pictures[0].shape[:2]
        header = self.header(width, height, 0)
        search, frames = MotionSearch.for_header(header, flow_preset=1), []
        padding = (0, header.padded_height - height), (0, header.padded_width - width), (0, 0)
        for index, rgb in enumerate(pictures):
            padded = torch.from_numpy(np.pad(rgb, padding, mode="edge")).permute(2, 0, 1)[None]
            with torch.inference_mode():
                scaled = self._codec.encoder(padded.float() / _WHITE - 1)[0].numpy()
            frames.append(EncoderFrame(scaled, search.luma(rgb), index, 1, rgb))
        return frames

    def code(
        self,
        frames: Sequence[EncoderFrame],
        size: tuple[int, int],
        settings: EncoderSettings,
        helpers: EncoderHelpers = EncoderHelpers(),
    ) -> list[AccessUnit]:
        """Access units of a clip of width × height pixels, whose first frame is its only
        keyframe.
        """
        header = self.header(*size, settings.crf)
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        encoder = GroupEncoder(self.tables, header, settings, search, helpers=helpers)
        units = [unit for frame in frames for unit in encoder.push(frame)]
        return [*units, *encoder.finish()]

    def decode(self, units: Iterable[AccessUnit]) -> Iterator[npt.NDArray[np.uint8]]:
        """RGB (H, W, 3) of every frame.  Raises ``BitstreamError``."""
        decoder = LatentDecoder(self.tables)
        maps: QuantiserMaps | None = None
        for unit in units:
            frames = decoder.decode(unit)
            header = decoder.header
            assert header is not None  # after a unit that was decoded
            maps = maps or QuantiserMaps(
                header.block_latents, format_of(header.format_version).vector_fraction_bits
            )
            for frame, quantisers in zip(frames, maps.of(unit, frames), strict=True):
                scaled = torch.from_numpy(frame.latents.astype(np.float32) / UNITS_PER_LATENT)
                log2_step = torch.log2(torch.from_numpy(QUANTISER_STEPS[quantisers]))
                with torch.inference_mode():
                    decoded = self._codec.decoder(scaled[None], log2_step[None])[0]
                grey = ((decoded.clamp(-1, 1) + 1) * _WHITE).round().byte().permute(1, 2, 0).numpy()
                yield grey[: header.height, : header.width]
