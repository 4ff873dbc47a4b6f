"""Motion that nobody sends: where the pictures of both references of a frame show the same thing,
the frame between them shows it on its way.

Every block looks for the straight line through it along which the two pictures differ least, from
coarse planes to fine ones.  Encoder and decoder find the same in integers.  Known as bilateral
matching: Chen, An, Huang, "Decoder-side motion vector refinement", JVET (2017), and from frame
rate conversion (Choi et al., 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..sequence_header import PIXELS_PER_LATENT
from ..v1.motion_vectors import keys_of, vectors_of
from . import compiled
from .line_matching import (
    Keys,
    Matcher,
    Plane,
    Search,
    Vectors,
    best_within,
    limited,
    to_future,
)
from .moved_pictures import Picture

Mask = npt.NDArray[np.bool_]

LEVELS = 4  # of planes, each half as large as the one before
REACH = 5  # px of the smallest planes, in both directions: 40 px of the picture
LENGTH_COST = 4  # of a pixel away from what is expected, for every sample compared
MARGINS = (4, 4, 3, 3)  # samples around a block that are compared, by level
APART = (2, 1, 1, 1)  # distance of samples that are compared, by level
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def grey(picture: Picture) -> Plane:
    """Red, green and blue, 0..1020 → one plane, 0..1020."""
    red, green, blue = picture
    plane: Plane = (red + 2 * green + blue) >> 2
    return plane


def halved(plane: Plane) -> Plane:
    """Means of 2×2 samples, halves up; both sides are even."""
    sums = plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]
    means: Plane = (sums + 2) >> 2
    return means


def doubled(plane: Plane) -> Plane:
    """Samples in rows and columns of even number, and between them what lies between, (2h, 2w);
    beyond the last ones they go on.
    """
    right = np.concatenate([plane[:, 1:], plane[:, -1:]], axis=1)
    below, below_right = (np.concatenate([each[1:], each[-1:]]) for each in (plane, right))
    fine = np.empty((2 * plane.shape[0], 2 * plane.shape[1]), dtype=np.int16)
    fine[::2, ::2] = plane
    fine[::2, 1::2] = (plane + right + 1) >> 1
    fine[1::2, ::2] = (plane + below + 1) >> 1
    fine[1::2, 1::2] = (plane + right + below + below_right + 2) >> 2
    return fine


def derived_motion(
    pictures: tuple[Picture, Picture],
    distances: tuple[int, int],
    block: int,
    likely: Vectors,
    wanted: Mask | None = None,
) -> Vectors:
    """The vectors (2, bh, bw, 2) in halves of a pixel, to the past and to the future, of every
    block of a frame between two pictures (3, H, W).

    distances: display positions of the references, relative to the frame: past < 0 < future.
    block: latents a side of a block.  likely (bh, bw, 2): vectors to the past that are tried too.
    wanted (bh, bw): of which blocks, all by default; those of others mean nothing.
    """
    side = block * PIXELS_PER_LATENT
    if wanted is None:
        wanted = np.ones(likely.shape[:2], dtype=bool)
    asked = _asked(wanted)
    seen = asked[:1] + [_grown(mask) for mask in asked[1:]]
    kernels = compiled.kernels()
    if kernels is not None and all(picture.dtype == np.int16 for picture in pictures):
        search = kernels.DerivedMotion(pictures, distances, side, likely, (seen, asked))
        found: Vectors = search.vectors()
        return found
    levels = [tuple(grey(picture) for picture in pictures)]
    for _ in range(LEVELS - 1):
        levels.append(tuple(halved(plane) for plane in levels[-1]))
    coarsest = LEVELS - 1
    best = keys_of(
        best_within(
            levels[coarsest], distances, side >> coarsest, MARGINS[coarsest], REACH, LENGTH_COST
        )
    )
    for level in reversed(range(coarsest)):
        matcher = Matcher(levels[level], distances, side >> level, _around(side, level))
        others = keys_of(likely >> (level + 1))
        masks = seen[level], asked[level]
        best = _refined(matcher, 2 * best, others, masks, again=level > 0)
    fine = tuple(doubled(plane) for plane in levels[0])
    matcher = Matcher(fine, distances, side, _around(side, 0), finer=2)
    search = Search(matcher, 2 * best, LENGTH_COST // 2, np.flatnonzero(wanted))
    search.look(*_stepped(2 * best))
    to_past = limited(vectors_of(search.best))
    return np.stack([to_past, to_future(to_past, distances)])


def _around(side: int, level: int) -> npt.NDArray[np.int64]:
    """What is compared of blocks, a side ``side`` in the picture, in the planes of a level."""
    margin = MARGINS[level]
    return np.arange(-margin, (side >> level) + margin, APART[level])


def _asked(wanted: Mask) -> list[Mask]:
    """By level but the coarsest, the blocks whose vectors the wanted ones depend on."""
    asked = [wanted]
    for level in range(1, LEVELS - 1):
        # What a finer level expects comes from the neighbours too, and from theirs where it looks
        # at its neighbours again.
        looks = 1 if level == 1 else 2
        mask = asked[-1]
        for _ in range(looks):
            mask = _grown(mask)
        asked.append(mask)
    return asked


def _grown(mask: Mask) -> Mask:
    """With the blocks above, below, left and right."""
    padded = np.pad(mask, 1)
    near: Mask = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask | near


def _refined(
    matcher: Matcher, expected: Keys, likely: Keys, masks: tuple[Mask, Mask], again: bool
) -> Keys:
    """Of the blocks that are seen, the first of ``masks``, the best of what is expected here and in
    the blocks around, of no motion, of what is likely, and of what is a sample away from the best
    of those; ``again``: then, of those asked for, the second, of the neighbours' as well.
    """
    seen, asked = masks
    search = Search(matcher, expected, LENGTH_COST, np.flatnonzero(seen))
    search.look(*_neighbours(expected), np.zeros_like(expected), likely)
    search.look(*_stepped(search.best))
    if again:
        search.look(*_neighbours(search.best), asked=np.flatnonzero(asked))
    return search.best


def _neighbours(keys: Keys) -> list[Keys]:
    """Those above, below, left and right of every block; at the edges its own."""
    padded = np.pad(keys, 1, mode="edge")
    return [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]


def _stepped(keys: Keys) -> list[Keys]:
    """A sample up, down, left and right."""
    return [keys + step for step in keys_of(np.array(_STEPS)).tolist()]
