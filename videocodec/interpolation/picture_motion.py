"""Pictures of a time between two decoded pictures, along motion found in them and motion coded.

No torch.  For format version 2, which moves pictures.  Four motions are tried at every pixel:
optical flow from the one picture to the other and back, what the stream codes of blocks, and none.
Along each both pictures are moved to the time, and mixed by distance in time.  The better both
agree around a pixel, the more that motion counts there, so that nothing tears where one gives way
to another.  Nothing here is normative, and nothing of it is ever referred to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..optical_flow import DenseFlow

Picture = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float32]

# What differs along the motion of two pictures, as a share of their contrast, from which on they
# show different things: 0.31 and less in clips, 0.8 and more at cuts between them.
LARGEST_REST = 0.5
_LEAST_CONTRAST = 8.0  # grey levels
_MEDIUM = 2  # preset of DIS
_WINDOW = 13  # px, over which pictures have to agree
_NOISE = 6.0  # levels of all three colours together that say nothing
_SEARCHED_AREA = 1 << 20  # px; flow takes more than 200 bytes for each while it is searched
_ROWS_AT_ONCE = 64  # which stay in a core's cache


@dataclass(frozen=True, eq=False)
class BlockMotion:
    """Motion of blocks.

    displacements (bh, bw, 2) float32: px of the pictures as (dx, dy), from earlier to later.
    height, width: of a block in px of the pictures, which may be shown larger than coded.
    """

    displacements: Flow
    height: float
    width: float


def rest(first: Picture, second: Picture, forward: Flow, backward: Flow) -> float:
    """What is left of each of two grey pictures that the flow to the other does not explain: the
    larger mean difference, as a share of the pictures' standard deviation.
    """
    spread = (np.var(first, dtype=np.float64) + np.var(second, dtype=np.float64)) / 2
    left = (
        np.mean(cv2.absdiff(first, _moved(second, forward, 0, 1))),
        np.mean(cv2.absdiff(second, _moved(first, backward, 0, 1))),
    )
    return float(max(left)) / max(float(np.sqrt(spread)), _LEAST_CONTRAST)


class PicturesBetween:
    """Pictures at any time between two.

    before, after: (H, W, 3) uint8.
    coded: what the stream says of the motion between them.
    rest: of their motion (``rest``).

    Pictures of more than a megapixel are searched for motion at a smaller size.
    """

    def __init__(self, before: Picture, after: Picture, coded: BlockMotion) -> None:
        self._ends, self._coded = (before, after), coded
        flow, first, second = DenseFlow(_MEDIUM, finest=True), _searched(before), _searched(after)
        forward, backward = flow(first, second), flow(second, first)
        self.rest = rest(first, second, forward, backward)
        self._forward = _enlarged(forward, before.shape)
        self._backward = _enlarged(backward, before.shape)

    def at(self, share: float) -> Picture:
        """The picture (H, W, 3) uint8 that is ``share`` (0..1) of the way from one to the other."""
        height = self._ends[0].shape[0]
        made = np.empty_like(self._ends[0])
        around = _WINDOW // 2
        for first in range(0, height, _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, height)
            top, bottom = max(first - around, 0), min(last + around, height)
            strip = self._strip(share, top, bottom)
            made[first:last] = strip[first - top : last - top]
        return made

    def _strip(self, share: float, top: int, bottom: int) -> Picture:
        total: npt.NDArray[np.float32] | None = None
        for motion in self._motions(share, top, bottom):
            earlier = _moved(self._ends[0], motion, top, -share, cv2.INTER_CUBIC)
            later = _moved(self._ends[1], motion, top, 1 - share, cv2.INTER_CUBIC)
            weight = _agreement(earlier, later)[..., None]
            mixed = cv2.addWeighted(earlier, 1 - share, later, share, 0, dtype=cv2.CV_32F)
            if total is None:
                total, weights = weight * mixed, weight
            else:
                total += weight * mixed
                weights = weights + weight
        assert total is not None
        strip: Picture = np.rint(total / weights).astype(np.uint8)
        return strip

    def _motions(self, share: float, top: int, bottom: int) -> Iterator[Flow]:
        """Motions (rows, W, 2) to try at each pixel of some rows, from the earlier picture to the
        later one.
        """
        for flow, way in ((self._forward, -share), (-self._backward, 1 - share)):
            yield _moved(flow, flow[top:bottom], top, way)
        yield self._of_blocks(top, bottom)
        yield np.zeros_like(self._forward[top:bottom])

    def _of_blocks(self, top: int, bottom: int) -> Flow:
        """The coded motion of some rows, changing evenly from block to block."""
        columns = (np.arange(self._ends[0].shape[1]) + 0.5) / self._coded.width - 0.5
        rows = (np.arange(top, bottom) + 0.5) / self._coded.height - 0.5
        across, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        return _sampled(self._coded.displacements, across, down, cv2.INTER_LINEAR)


def _searched(picture: Picture) -> Picture:
    """What is searched for motion: the grey of a picture, smaller where it is large."""
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = (_SEARCHED_AREA / grey.size) ** 0.5
    if scale >= 1:
        return grey
    size = [max(round(scale * side), 1) for side in grey.shape[::-1]]
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(flow: Flow, shape: tuple[int, ...]) -> Flow:
    """Flow between pictures made smaller, for those of a shape (H, W, …)."""
    height, width = flow.shape[:2]
    if (height, width) == shape[:2]:
        return flow
    enlarged = cv2.resize(flow, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    scale = np.array((shape[1] / width, shape[0] / height), np.float32)
    return scale * np.asarray(enlarged, np.float32)


def _agreement(earlier: Picture, later: Picture) -> npt.NDArray[np.float32]:
    """How well two pictures agree around every pixel, more than 0."""
    differences = cv2.boxFilter(
        cv2.absdiff(earlier, later),
        cv2.CV_32F,
        (_WINDOW, _WINDOW),
        borderType=cv2.BORDER_REFLECT,
    )
    left = cv2.transform(differences, np.ones((1, 3), np.float32)) + np.float32(_NOISE)
    agreement: npt.NDArray[np.float32] = 1 / (left * left * left)
    return agreement


def _moved(
    picture: np.ndarray, motion: Flow, top: int, scale: float, sampling: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """What a picture shows where ``scale`` times a motion of the rows from ``top`` on leads."""
    height, width = motion.shape[:2]
    across, down = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(top, top + height, dtype=np.float32)
    )
    factor = np.float32(scale)
    across += factor * motion[..., 0]
    down += factor * motion[..., 1]
    return _sampled(picture, across, down, sampling)


def _sampled(picture: np.ndarray, across: Flow, down: Flow, sampling: int) -> np.ndarray:
    """Beyond its edges a picture goes on."""
    return cv2.remap(picture, across, down, sampling, borderMode=cv2.BORDER_REPLICATE)
