"""The guard's promise: a limit that every square of 64 px of every frame keeps to, and which
squares do not.

A file says both in its comment.  No torch.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from .errors import SettingsError

SQUARE = 64  # px a side; those at the right and at the bottom may be smaller
BEST_PSNR = 100.0  # dB, what equal squares count as
Measure = Literal["ssim", "psnr"]
_HIGHEST = {"ssim": 1.0, "psnr": BEST_PSNR}
_COMMENT = re.compile(
    r"Guard: (?P<limit>\S+) in every square of \d+ px; (?:all hold|\d+ of \d+ do not:"
    r" (?P<map>[A-Za-z0-9+/=]+))"
)


@dataclass(frozen=True)
class GuardLimit:
    """measure: "ssim", 0..1, or "psnr", dB.  least: what a square must have to hold."""

    measure: Measure
    least: float

    @classmethod
    def parse(cls, text: str) -> GuardLimit:
        """Of ``ssim=0.9`` or ``psnr=28``.  Raises ``SettingsError``."""
        name, _, number = text.partition("=")
        try:
            least = float(number)
        except ValueError:
            least = math.nan
        for measure in get_args(Measure):
            if name == measure and 0 < least <= _HIGHEST[measure]:
                return cls(measure, least)
        raise SettingsError(
            f"a guard is ssim=0.9, above 0 and at most 1, or psnr=28, above 0 and at most"
            f" {BEST_PSNR:g}, got {text!r}"
        )

    def __str__(self) -> str:
        return f"{self.measure}={self.least:g}"


def square_grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of squares of a picture of so many pixels."""
    return -(-height // SQUARE), -(-width // SQUARE)


@dataclass(frozen=True)
class UnheldSquares:
    """frame: its index.  squares: row and column of each that does not hold, from 0, in units of
    ``SQUARE`` px.
    """

    frame: int
    squares: list[tuple[int, int]]


@dataclass(frozen=True)
class GuardFindings:
    """What became of a guard.

    limit: as ``GuardLimit.parse`` takes it.
    square_pixels: a side.
    rows, columns: of squares in a frame.
    squares, unheld: of all frames together, and how many of them do not hold.
    frames: those with squares that do not.
    """

    limit: str
    square_pixels: int
    rows: int
    columns: int
    squares: int
    unheld: int
    frames: list[UnheldSquares]

    @property
    def sentence(self) -> str:
        """For people."""
        held = f"{self.limit} holds in {self.squares - self.unheld} of {self.squares} squares"
        if not self.unheld:
            return f"{held} of {self.square_pixels} px"
        return (
            f"{held} of {self.square_pixels} px; not in {self.unheld}, which are in"
            f" {len(self.frames)} frame{'s' if len(self.frames) > 1 else ''}"
        )


@dataclass(frozen=True, eq=False)
class GuardMap:
    """limit: of the guard.  unheld (frames, rows, columns) bool: where a square does not hold."""

    limit: GuardLimit
    unheld: npt.NDArray[np.bool_] = field(repr=False)

    def findings(self) -> GuardFindings:
        """As a report lists them."""
        frames = [
            UnheldSquares(
                int(index), [(int(r), int(c)) for r, c in np.argwhere(self.unheld[index])]
            )
            for index in np.flatnonzero(self.unheld.any((1, 2)))
        ]
        rows, columns = self.unheld.shape[1:]
        count = int(self.unheld.sum())
        return GuardFindings(
            str(self.limit), SQUARE, rows, columns, self.unheld.size, count, frames
        )

    def as_comment(self) -> str:
        """A line of a file's comment.  The map is base64 of zlib of a bit for every square."""
        found = self.findings()
        if not found.unheld:
            state = "all hold"
        else:
            packed = base64.b64encode(zlib.compress(np.packbits(self.unheld).tobytes(), 9)).decode()
            state = f"{found.unheld} of {found.squares} do not: {packed}"
        return f"Guard: {self.limit} in every square of {SQUARE} px; {state}"

    @classmethod
    def from_comment(cls, comment: str, frames: int, height: int, width: int) -> GuardMap | None:
        """What a comment says of a file of so many frames of height × width px; None if it says
        nothing of a guard, or nothing that fits such a file.
        """
        shape = frames, *square_grid(height, width)
        for line in comment.splitlines():
            if found := _COMMENT.fullmatch(line):
                try:
                    limit = GuardLimit.parse(found["limit"])
                    return cls(limit, _unpacked(found["map"], shape))
                except (SettingsError, ValueError, zlib.error):
                    return None
        return None


def _unpacked(text: str | None, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """A map of that shape.  Raises ``ValueError``, ``zlib.error`` for what is none."""
    if text is None:
        return np.zeros(shape, dtype=bool)
    count = math.prod(shape)
    size = -(-count // 8)
    try:
        stream = zlib.decompressobj()
        packed = stream.decompress(base64.b64decode(text, validate=True), size + 1)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(packed) != size or not stream.eof:
        raise ValueError("a map of another video")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=count).reshape(shape).astype(bool)
