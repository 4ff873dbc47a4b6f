"""Inter frames by section 7 of FORMAT-2.md: blocks and prediction of the second decoder of version
1, and levels position after position.
"""

from __future__ import annotations

from ..reference_v1.block_fields import INTRA, RESIDUAL, FrameBlocks
from ..reference_v1.decoder import Latents, ReferenceDecoder, clip, step
from ..reference_v1.entropy import RangeDecoder, Tables
from .levels import CHECKERBOARD, CLASSES, ReferenceLevels, decode_pass, evaluate


class ReferenceInter(ReferenceDecoder):
    """Decodes units of keyframes and inter frames; tensors: of the tables file."""

    def __init__(self, tensors: dict) -> None:
        self.tensors = tensors
        self.slices = tensors["slices"].tolist()
        self.channels = sum(self.slices)
        self.filters = tensors["phase_filters"].tolist()
        self.block_priors = {
            name.removeprefix("block."): rows.tolist()
            for name, rows in tensors.items()
            if name.startswith("block.")
        }
        self.anchor = None

    def decode_keyframe(self, payload: bytes, quantiser: int, header: dict) -> Latents:
        """header: block_log2, latent_height, latent_width."""
        self.level_priors = [[[65536]], [[65536]]]
        self._start(header)
        levels = {name: self.tensors[f"inter.{name}"].tolist() for name, *_ in CLASSES}
        self.named = {f"inter.{name}": Tables(rows, 256) for name, rows in levels.items()}
        self.named["last"] = Tables(self.tensors["inter.last_slice"].tolist(), 512)
        self.level_tables = list(self.named.values())
        keyframe = ReferenceLevels(self.tensors, self.height, self.width)
        values = keyframe.decode(payload, quantiser)
        self.anchor = [
            [[self.latent(value, 0, quantiser) for value in row] for row in plane]
            for plane in values
        ]
        return self.anchor

    @staticmethod
    def latent(value: int, predicted: int, quantiser: int) -> int:
        return clip(predicted + ((value * step(quantiser) + 2048) >> 12), -32767, 32767)

    def _levels(
        self, coder: RangeDecoder, blocks: FrameBlocks, prediction: Latents, quantiser: int
    ) -> Latents:
        size = self.height, self.width
        frame = self._zeros()
        last = self._last(coder, blocks)
        sides = [
            [[(p << 12) // step(quantiser) for p in row] for row in plane] for plane in prediction
        ]
        modes = [
            [blocks.modes[r // self.block][c // self.block] for c in range(size[1])]
            for r in range(size[0])
        ]
        flags = [
            [[16 * (mode in wanted) for mode in row] for row in modes]
            for wanted in ((RESIDUAL, INTRA), (INTRA,))
        ]
        log2_step, first = (quantiser - 40) * 8 // 12, 0
        for index, own in enumerate(self.slices):
            end = first + own
            for _, pass_flags, belongs in CHECKERBOARD:
                places = [
                    (r, c)
                    for r in range(size[0])
                    for c in range(size[1])
                    if belongs(r, c) and last[r // self.block][c // self.block] > index
                ]
                visible = [*frame[:first], *sides[first:end], *flags, *frame[first:end]]
                constants = (*pass_flags, log2_step, 1)
                expected = [
                    evaluate(self.tensors, f"inter.{index}", visible, place, 1, constants)
                    for place in places
                ]
                if places:
                    decode_pass(self.named, coder, first, places, expected, frame, "inter.")
            first += own
        return [
            [
                [
                    self.latent(frame[k][r][c], prediction[k][r][c], quantiser)
                    for c in range(size[1])
                ]
                for r in range(size[0])
            ]
            for k in range(self.channels)
        ]

    def _last(self, coder: RangeDecoder, blocks: FrameBlocks) -> list[list[int]]:
        rows, columns = len(blocks.modes), len(blocks.modes[0])
        last = [[0] * columns for _ in range(rows)]
        for odd in (0, 1):
            places = [
                (r, c)
                for r in range(rows)
                for c in range(columns)
                if (r + c) % 2 == odd and blocks.modes[r][c] in (RESIDUAL, INTRA)
            ]
            tables = []
            for r, c in places:
                near = [
                    last[y][x]
                    for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
                    if 0 <= y < rows
                    and 0 <= x < columns
                    and blocks.modes[y][x] in (RESIDUAL, INTRA)
                ]
                if not odd:
                    tables.append(0)
                elif near:
                    tables.append(1 + (2 * sum(near) + len(near)) // (2 * len(near)))
                else:
                    tables.append(len(self.slices) + 2)
            symbols = self.named["last"].decode(coder, tables)
            for (r, c), symbol in zip(places, symbols, strict=True):
                last[r][c] = symbol
        return last
