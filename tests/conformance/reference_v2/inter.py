"""Inter frames by sections 7, 8 and 11 of FORMAT-2.md: prediction, and levels one by one."""

from __future__ import annotations

from collections import Counter

from ..reference_v1.block_fields import INTRA, RESIDUAL, FrameBlocks
from ..reference_v1.decoder import Latents, ReferenceDecoder, clip, step
from ..reference_v1.entropy import RangeDecoder, Tables
from .blocks import SecondBlockLayer
from .derived import DerivedMotion
from .levels import CHECKERBOARD, CLASSES, ReferenceLevels, decode_pass, evaluate, level_sizes_of
from .loop import ReferenceLoop, moved_sample, overlap

USES = ((0,), (1,), (0, 1))  # references by direction


class ReferenceInter(ReferenceDecoder):
    """Decodes units of keyframes and inter frames; tensors: of the tables file."""

    block_layer_class = SecondBlockLayer

    def __init__(self, tensors: dict) -> None:
        self.tensors = tensors
        self.slices = tensors["slices"]
        self.channels = sum(self.slices)
        self.loop = ReferenceLoop(tensors)
        self.block_priors = {
            name.removeprefix("block."): rows
            for name, rows in tensors.items()
            if name.startswith("block.")
        }
        self.anchor = None

    def decode_keyframe(self, payload: bytes, quantiser: int, header: dict) -> Latents:
        """header: block_log2, latent_height, latent_width."""
        self.level_priors = [[[65536]], [[65536]]]
        self._start(header)
        self.block_layer.derive = self._derived
        levels = {name: self.tensors[f"inter.{name}"] for name, *_ in CLASSES}
        self.named = {f"inter.{name}": Tables(rows, 256) for name, rows in levels.items()}
        self.named["last"] = Tables(self.tensors["inter.last_slice"], 512)
        self.level_tables = list(self.named.values())
        keyframe = ReferenceLevels(self.tensors, self.height, self.width)
        values = keyframe.decode(payload, quantiser)
        self.anchor = [
            [[self.latent(value, 0, quantiser) for value in row] for row in plane]
            for plane in values
        ]
        self.offset_coder = keyframe.offset_coder
        refined = self._local(quantiser, keyframe.offsets)
        self.refined = {id(self.anchor): refined}
        self.pictures = {}
        return self.anchor

    def _predict(self, blocks: FrameBlocks, references: tuple[Latents, Latents | None]) -> Latents:
        self.blocks = blocks
        positions = [(r, c) for r in range(self.height) for c in range(self.width)]
        moving = [place for place in positions if self._moves(*place)]
        encoded = self.loop.latents(self._moved()) if moving else None
        out = self._zeros()
        for r, c in positions:
            br, bc = r // self.block, c // self.block
            if blocks.modes[br][bc] == INTRA:
                continue
            uses = USES[blocks.directions[br][bc]]
            for k in range(self.channels):
                if self._moves(r, c):
                    out[k][r][c] = encoded[k][r][c]
                else:
                    values = [references[i][k][r][c] for i in uses]
                    out[k][r][c] = (sum(values) + len(values) - 1) >> (len(values) - 1)
        return out

    def _moves(self, row: int, column: int) -> bool:
        br, bc = row // self.block, column // self.block
        uses = USES[self.blocks.directions[br][bc]]
        return self.blocks.modes[br][bc] != INTRA and any(
            tuple(self.blocks.vectors[i][br][bc]) != (0, 0) for i in uses
        )

    def _picture(self, reference: Latents) -> Latents:
        if id(reference) not in self.pictures:
            made = self.loop.picture(reference, self.refined[id(reference)])
            self.pictures[id(reference)] = made
        return self.pictures[id(reference)]

    def _derived(
        self, distances: list[int], temporal: list[list[list[int]]]
    ) -> list[dict[tuple[int, int], list[int]]]:
        past, future = (self._picture(reference) for reference in self.references)
        return DerivedMotion((past, future), distances, 8 * self.block).vectors(temporal)

    def _moved(self) -> Latents:
        """The moved picture: sums over the cells of 8 px whose middles are around a sample."""

        def motion(row: int, column: int) -> tuple[tuple[int, tuple[int, int]], ...]:
            """References and vectors of a cell."""
            br, bc = row // self.block, column // self.block
            return tuple(
                (i, tuple(self.blocks.vectors[i][br][bc]))
                for i in USES[self.blocks.directions[br][bc]]
            )

        def sample(plane: int, row: int, column: int) -> int:
            weights: Counter = Counter()  # of cells that move alike, and make the same
            for r, down in overlap(row, self.height):
                for c, across in overlap(column, self.width):
                    weights[motion(r, c)] += down * across
            total = 128
            for moves, weight in weights.items():
                values = [
                    moved_sample(self._picture(self.references[i])[plane], row, column, vector)
                    for i, vector in moves
                ]
                total += weight * ((sum(values) + len(values) - 1) >> (len(values) - 1))
            return total >> 8

        return [
            [[sample(k, r, c) for c in range(8 * self.width)] for r in range(8 * self.height)]
            for k in range(3)
        ]

    def _local(self, quantiser: int, offsets: list[list[int]]) -> list[list[int]]:
        """The quantiser of every position."""
        return [
            [quantiser + offsets[r // 8][c // 8] for c in range(self.width)]
            for r in range(self.height)
        ]

    def _refined(self, frame: Latents, local: list[list[int]]) -> None:
        """Which quantiser last refined each position of a frame."""

        def brought(row: int, column: int) -> int:
            br, bc = row // self.block, column // self.block
            if self.blocks.modes[br][bc] in (RESIDUAL, INTRA):
                return local[row][column]
            found = []
            for i in USES[self.blocks.directions[br][bc]]:
                down, across = ((part + 8) // 16 for part in self.blocks.vectors[i][br][bc])
                rows = self.refined[id(self.references[i])]
                r = clip(row + down, 0, self.height - 1)
                found.append(rows[r][clip(column + across, 0, self.width - 1)])
            return min(found)

        self.refined[id(frame)] = [
            [brought(r, c) for c in range(self.width)] for r in range(self.height)
        ]

    @staticmethod
    def latent(value: int, predicted: int, quantiser: int) -> int:
        return clip(predicted + ((value * step(quantiser) + 2048) >> 12), -32767, 32767)

    def _levels(
        self, coder: RangeDecoder, blocks: FrameBlocks, prediction: Latents, quantiser: int
    ) -> Latents:
        size = self.height, self.width
        frame = self._zeros()
        last = self._last(coder, blocks)
        places = [
            (r, c)
            for r in range(size[0])
            for c in range(size[1])
            if last[r // self.block][c // self.block]
        ]
        offsets = self.offset_coder.decode(coder, quantiser, places)
        sides = [
            [[(p << 12) // step(quantiser) for p in row] for row in plane] for plane in prediction
        ]
        flags = self._flags(blocks)
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
                    decode_pass(
                        self.named,
                        level_sizes_of(self.tensors),
                        offsets,
                        coder,
                        first,
                        places,
                        expected,
                        frame,
                        "inter.",
                    )
            first += own
        found = [
            [
                [
                    self.latent(frame[k][r][c], prediction[k][r][c], quantiser)
                    for c in range(size[1])
                ]
                for r in range(size[0])
            ]
            for k in range(self.channels)
        ]
        self._refined(found, self._local(quantiser, offsets))
        return found

    def _flags(self, blocks: FrameBlocks) -> list[list[list[int]]]:
        """16 where a block is coded, and where it is intra."""
        modes = [
            [blocks.modes[r // self.block][c // self.block] for c in range(self.width)]
            for r in range(self.height)
        ]
        return [
            [[16 * (mode in wanted) for mode in row] for row in modes]
            for wanted in ((RESIDUAL, INTRA), (INTRA,))
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
