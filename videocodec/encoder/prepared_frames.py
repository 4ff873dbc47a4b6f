"""The frames of chunks with what a coder wants of them: latents, luma, pictures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np

from bitstream.sequence_header import SequenceHeader

from ..media.source import SourceFrame
from .certainty import latents_with_certainty
from .chunks import Chunk
from .coding_networks import CodingNetworks
from .frame_plan import EncoderFrame
from .motion import MotionSearch
from .settings import EncoderSettings

if TYPE_CHECKING:  # it brings torch along, which a process that only plans and writes does not need
    from ..models.runtime import AutoencoderRuntime

# pictures encoded together: enough to keep two cores busy, small enough for 4K
BATCH_PIXELS = 4 * 512 * 288
_NO_LATENTS = np.zeros(0, dtype=np.float32)


class FramePreparer:
    """Gives the frames of chunks.

    memory: bytes of latents that may be kept for chunks that come again in a later pass.
    """

    def __init__(
        self, runtime: AutoencoderRuntime | CodingNetworks, header: SequenceHeader, memory: int
    ) -> None:
        self._runtime, self._header = runtime, header
        self._luma = MotionSearch.for_header(header, EncoderSettings().effort.flow_preset).luma
        self._memory = memory
        self._kept: dict[Chunk, list[EncoderFrame]] = {}

    def frames(
        self,
        chunk: Chunk,
        frames: Callable[[Chunk], Iterable[SourceFrame]],
        *,
        judged: bool,
        incomplete: bool = False,
    ) -> Generator[EncoderFrame, None, None]:
        """The chunk's frames with their latents, and with their pictures if these are judged,
        remembered where memory allows.

        incomplete: latents may be left to ``completed``, which they are where it does not matter
        what goes through the network together.
        """
        if chunk in self._kept:
            for frame in self._kept[chunk]:
                yield frame if incomplete else self.completed(frame)
            return
        header, network = self._header, self._runtime
        waits = incomplete and isinstance(network, CodingNetworks) and not network.needs_pytorch
        positions = header.padded_width * header.padded_height
        judged = judged or header.format_version > 1  # which moves pictures
        latents_of_a_frame = header.latent_channels * header.latent_height * header.latent_width
        strength = self._runtime.bundle.certainty_strength
        if strength:  # every latent's certainty is kept beside it
            latents_of_a_frame *= 2
        # pictures are kept beside luma
        weight = chunk.frames * ((4 if judged else 1) * positions + 4 * latents_of_a_frame)
        # 0: nobody knows yet how many they are, and nobody asks for them again.
        frames_in_memory: list[EncoderFrame] | None = [] if 0 < weight <= self._memory else None
        pictures = iter(frames(chunk))
        while batch := list(islice(pictures, max(1, BATCH_PIXELS // positions))):
            rgb = np.stack([picture.rgb for picture in batch])
            size = header.padded_height, header.padded_width
            latents: Iterable[tuple[np.ndarray, np.ndarray | None]] = repeat((_NO_LATENTS, None))
            if not waits:
                latents = latents_with_certainty(network, strength, rgb, size)
            for picture, (latent, certainty) in zip(batch, latents, strict=False):
                luma, seen = self._luma(picture.rgb), picture.rgb if judged else None
                frame = EncoderFrame(latent, luma, picture.pts, picture.duration, seen, certainty)
                if frames_in_memory is not None:
                    frames_in_memory.append(frame)
                yield frame
        if frames_in_memory is not None:
            self._kept[chunk] = frames_in_memory
            self._memory -= weight

    def completed(self, frame: EncoderFrame) -> EncoderFrame:
        """A frame with its latents."""
        if frame.latents.size:
            return frame
        assert frame.picture is not None  # those of ``frames`` that lack latents have one
        size = self._header.padded_height, self._header.padded_width
        return replace(frame, latents=self._runtime.encode(frame.picture[None], *size)[0])
