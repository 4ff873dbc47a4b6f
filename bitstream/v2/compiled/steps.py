"""Steps of networks, written down for ``program`` to carry out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..areas import Area
from .board import carry_out
from .memory import trim
from .program import Code, Word, run

_WORDS = {word.name: int(word) for word in Word}


class Steps:
    """Those of one network, in their order."""

    def __init__(self) -> None:
        self._steps = list[list[int]]()
        self._used: list[npt.NDArray[np.generic]] = []  # whose addresses the steps have
        self._longest = 1  # numbers of a row of a block's plane

    def _use(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Keep what is not memory of planes."""
        self._used.append(array)
        return array

    def _add(
        self,
        code: Code,
        x: npt.NDArray[Any],
        wanted: Area | None = None,
        **words: int | npt.NDArray[Any],
    ) -> None:
        """A step: on all rows and columns of a plane, unless its words say otherwise."""
        self._steps.append(self._words(code, x, wanted, **words))

    def _again(self, step: list[int], **words: int) -> None:
        """A step like another one, but for some words."""
        step = step.copy()
        for name, value in words.items():
            step[_WORDS[name]] = value
        self._steps.append(step)

    def _words(
        self,
        code: Code,
        x: npt.NDArray[Any],
        wanted: Area | None = None,
        **words: int | npt.NDArray[Any],
    ) -> list[int]:
        height, width, channels = x.shape
        step = [0] * len(Word)
        step[: Word.OUTPUTS] = code, height, 0, 0, height, width, channels
        if wanted is not None:
            for word, edges in ((Word.STARTS, wanted.starts), (Word.ENDS, wanted.ends)):
                step[word] = self._use(np.require(edges, np.int64, ["C"])).ctypes.data
        for name, value in words.items():
            step[_WORDS[name]] = value.ctypes.data if isinstance(value, np.ndarray) else value
        return step

    def _carry_out(self) -> None:
        """All of them, by all threads that have time."""
        carry_out(run, self._steps, self._longest)
        trim()
