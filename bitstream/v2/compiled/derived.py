"""Derived motion by kernels: what ``derived_motion.derived_motion`` finds in NumPy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..derived_motion import APART, LENGTH_COST, LEVELS, MARGINS, REACH
from .board import carry_out
from .memory import empty, trim
from .motion import run_motion
from .motion_words import PLANE_ROWS, Code, Word

Keys = npt.NDArray[np.int64]
_LAST_STEP = 4  # distance of samples that are compared in doubled planes


class DerivedMotion:
    """One search; ``vectors`` has it carried out.

    pictures: both references, (3, H, W) int16.  distances, likely: as of ``derived_motion``.  side:
    of a block, px.  seen, asked: by level, the blocks (bh, bw) that are looked at, and those that
    are looked at again.
    """

    def __init__(
        self,
        pictures: tuple[npt.NDArray[np.int16], ...],
        distances: tuple[int, int],
        side: int,
        likely: Keys,
        masks: tuple[list[npt.NDArray[np.bool_]], list[npt.NDArray[np.bool_]]],
    ) -> None:
        self._pictures = [np.require(one, requirements=["C"]) for one in pictures]
        self._distances, self._side = distances, side
        self._likely = np.ascontiguousarray(likely)
        self._seen, self._asked = ([one.astype(np.int64) for one in of] for of in masks)
        self._blocks = likely.shape[:2]
        self._steps: list[list[int]] = []
        self._used: list[npt.NDArray[Any]] = []

    def vectors(self) -> npt.NDArray[np.int64]:
        """(2, bh, bw, 2)."""
        height, width = self._pictures[0].shape[1:]
        planes = self._planes(height, width)
        last = LEVELS - 1
        best = self._coarsest(planes[last])
        spread = self._use(empty((2, 2, height, width // 2), np.int16))
        for number, picture in enumerate(self._pictures):
            rows = {"ROWS": -(-height // PLANE_ROWS), "HEIGHT": height, "WIDTH": width}
            places = {"OUTPUT": planes[0][number], "MORE": spread[number]}
            self._steps.insert(number, self._step(Code.GREY, rows, INPUT=picture, **places))
        for level in reversed(range(last)):
            best = self._level(level, planes[level] if level else spread, best)
        found = self._finest(planes[0], best)
        samples = planes[last][0].size + 2 * max(MARGINS)
        carry_out(run_motion, self._steps, samples)
        trim()
        return found

    def _planes(self, height: int, width: int) -> list[npt.NDArray[np.int16]]:
        """Of every level, (2, h, w)."""
        planes = [self._use(empty((2, height, width), np.int16))]
        for _ in range(LEVELS - 1):
            finer = planes[-1]
            planes.append(self._use(empty((2, *(size // 2 for size in finer.shape[1:])), np.int16)))
            rows = 2 * planes[-1].shape[1]
            sizes = {"ROWS": -(-rows // PLANE_ROWS), "HEIGHT": rows, "WIDTH": finer.shape[2]}
            self._add(Code.HALVED, sizes, INPUT=finer, OUTPUT=planes[-1])
        return planes

    def _coarsest(self, planes: npt.NDArray[np.int16]) -> Keys:
        found = self._use(empty((2 * REACH + 1, *self._blocks), np.int32))
        best = self._use(empty(self._blocks, np.int64))
        down, level = 2 * REACH + 1, LEVELS - 1
        sizes = {"ROWS": down, "HEIGHT": planes.shape[1], "WIDTH": planes.shape[2]}
        sizes |= {"SIDE": self._side >> level, "MARGIN": MARGINS[level], "REACH": REACH}
        self._add(Code.WITHIN, sizes, INPUT=planes, OUTPUT=found, LENGTH_COST=LENGTH_COST)
        sizes["ROWS"] = self._blocks[0]
        self._add(Code.CHOSEN, sizes, INPUT=found, OUTPUT=best)
        return best

    def _level(self, level: int, samples: npt.NDArray[np.int16], coarse: Keys) -> Keys:
        found, again, least = (self._use(empty(self._blocks, np.int64)) for _ in range(3))
        height, width = (size >> level for size in self._pictures[0].shape[1:])
        words = self._compared((height, width), level, APART[level], LENGTH_COST)
        words |= {"SAMPLES": samples, "LEAST": least}
        likely = {"LIKELY": self._likely, "SHIFT": level + 1}
        asked = self._seen[level]
        self._add(Code.SEARCH, words, INPUT=coarse, OUTPUT=found, ASKED=asked, **likely)
        if not level:
            return found
        asked = self._asked[level]
        self._add(Code.AGAIN, words, INPUT=found, MORE=coarse, OUTPUT=again, ASKED=asked)
        return again

    def _finest(self, planes: npt.NDArray[np.int16], best: Keys) -> npt.NDArray[np.int64]:
        _, height, width = planes.shape
        fine = self._use(empty((2, _LAST_STEP, 2 * height, width // 2), np.int16))
        for plane, out in zip(planes, fine, strict=True):
            sizes = {"ROWS": -(-height // PLANE_ROWS), "HEIGHT": height, "WIDTH": width}
            self._add(Code.DOUBLED, sizes, INPUT=plane, OUTPUT=out)
        vectors = np.empty((2, *self._blocks, 2), np.int64)
        size = 2 * height, 2 * width
        words = self._compared(size, 0, _LAST_STEP, LENGTH_COST // 2)
        words |= {"SAMPLES": fine, "LEAST": self._use(empty(self._blocks, np.int64))}
        self._add(Code.LAST, words, INPUT=best, OUTPUT=vectors, ASKED=self._asked[0])
        return vectors

    def _compared(
        self, size: tuple[int, int], level: int, step: int, length_cost: int
    ) -> dict[str, Any]:
        """Words of a search in planes of that size, of samples ``step`` apart."""
        finer = step // APART[level]
        side, margin = self._side >> level, MARGINS[level]
        places, count = _places(size, side, margin, APART[level], finer)
        rows = {"ROWS": self._blocks[0], "HEIGHT": size[0], "WIDTH": size[1]}
        compared = {"BITS": step.bit_length() - 1, "COUNT": count, "PLACES": places}
        return rows | compared | {"LENGTH_COST": length_cost * count**2}

    def _use(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Keep an array that instructions have the address of."""
        self._used.append(array)
        return array

    def _add(self, code: Code, words: dict[str, Any], **more: Any) -> None:
        self._steps.append(self._step(code, words, **more))

    def _step(self, code: Code, words: dict[str, Any], **more: Any) -> list[int]:
        step = [0] * len(Word)
        down, across = self._blocks
        step[Word.CODE], (step[Word.PAST], step[Word.FUTURE]) = code, self._distances
        step[Word.BLOCKS_DOWN], step[Word.BLOCKS_ACROSS] = down, across
        for name, value in (words | more).items():
            step[Word[name]] = value.ctypes.data if isinstance(value, np.ndarray) else value
        return step


@lru_cache(maxsize=16)
def _places(
    size: tuple[int, int], side: int, margin: int, apart: int, finer: int
) -> tuple[Keys, int]:
    """Rows that blocks in a row see in planes of that size, for every row of blocks, then columns;
    and how many these are.
    """
    around = np.arange(-margin, side + margin, apart)
    of_both = (
        np.clip(np.arange(0, length // finer, side)[:, None] + around, 0, length // finer - 1)
        * finer
        for length in size
    )
    return np.concatenate([places.reshape(-1) for places in of_both]), len(around)
