"""Transforms of latent residuals, and what their coefficients cost: ideal bits under adaptive
counts, for tools/compare_transforms.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

SYMBOLS = 16  # magnitudes; the last is an escape
SIZE_BUCKETS = 24  # half octaves of the expected magnitude from 2^-8 on
# of the expected value in expected magnitudes
SIGN_EDGES = np.array([-0.6, -0.3, -0.1, 0.1, 0.3, 0.6])
PRIOR_STRENGTH = 64.0  # symbols that the counts of the other clips weigh


def dct_matrix(size: int) -> np.ndarray:
    """(size, size) orthonormal DCT-II, one basis function per row."""
    angles = np.pi * (np.arange(size) + 0.5)[None] * np.arange(size)[:, None] / size
    rows = np.cos(angles) * np.sqrt(2 / size)
    rows[0] /= np.sqrt(2)
    return rows


def frequencies(size: int) -> list[tuple[int, int]]:
    """Vertical and horizontal frequency of the subbands, in the order of coding: lower sums
    first.
    """
    return sorted(((i, j) for i in range(size) for j in range(size)), key=lambda f: (sum(f), f))


def transform(values: np.ndarray, size: int) -> np.ndarray:
    """(F, C, h, w) → (F, C, size², h // size, w // size), what is left at the edges cut off."""
    count, channels, height, width = values.shape
    rows, columns = height // size, width // size
    tiles = values[:, :, : rows * size, : columns * size].reshape(
        count, channels, rows, size, columns, size
    )
    one = dct_matrix(size).astype(values.dtype)
    coefficients = np.einsum("ia,jb,fcyaxb->fcijyx", one, one, tiles, optimize=True)
    order = [i * size + j for i, j in frequencies(size)]
    return coefficients.reshape(count, channels, size * size, rows, columns)[:, :, order]


def restore(coefficients: np.ndarray, size: int) -> np.ndarray:
    """The inverse of ``transform``, up to the edges that were cut off."""
    count, channels, _, rows, columns = coefficients.shape
    order = np.argsort([i * size + j for i, j in frequencies(size)])
    grid = coefficients[:, :, order].reshape(count, channels, size, size, rows, columns)
    one = dct_matrix(size).astype(coefficients.dtype)
    return np.einsum("ia,jb,fcijyx->fcyaxb", one, one, grid, optimize=True).reshape(
        count, channels, rows * size, columns * size
    )


def principal_axes(samples: Iterable[np.ndarray]) -> np.ndarray:
    """(C, C) rotation for vectors (C,): rows are the axes of samples (n, C), that of the largest
    variance first.
    """
    moment = sum(s.T.astype(np.float64) @ s for s in samples)
    return np.linalg.eigh(moment)[1].T[::-1]


def quantise(values: np.ndarray, step: float, rounding: float) -> np.ndarray:
    """Levels with a dead zone: magnitudes are rounded up from 1 - rounding on."""
    return (np.sign(values) * np.floor(np.abs(values) / step + rounding)).astype(np.int32)


def adaptive_bits(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Bits of symbols coded one by one under counts that start at ``prior`` and grow by one: (…, K)
    → (…,).

    It does not depend on the order of the symbols.
    """
    prior, counts = (torch.from_numpy(np.asarray(a, dtype=np.float64)) for a in (prior, counts))
    gained = torch.lgamma(prior + counts) - torch.lgamma(prior)
    total = torch.lgamma((prior + counts).sum(-1)) - torch.lgamma(prior.sum(-1))
    return ((total - gained.sum(-1)) / np.log(2)).numpy()


def prior_of(counts: np.ndarray) -> np.ndarray:
    """Counts to start from, after those of other clips: a few symbols of theirs, and 0.02 of each
    kind for those they never saw.
    """
    return (
        PRIOR_STRENGTH * counts / np.maximum(counts.sum(-1, keepdims=True), PRIOR_STRENGTH) + 0.02
    )


def escape_bits(levels: np.ndarray) -> float:
    """Exponential-Golomb bits of what the last magnitude leaves open."""
    excess = np.abs(levels)[np.abs(levels) >= SYMBOLS - 1] - (SYMBOLS - 1)
    return float((2 * np.floor(np.log2(excess + 1)) + 1).sum())


def shifted(values: np.ndarray, down: int, right: int) -> np.ndarray:
    """Values (…, h, w) of the position ``down`` rows above and ``right`` columns to the left, zero
    outside.
    """
    out = np.zeros_like(values)
    h, w = values.shape[-2:]
    to = (slice(max(down, 0), h + min(down, 0)), slice(max(right, 0), w + min(right, 0)))
    source = (slice(max(-down, 0), h + min(-down, 0)), slice(max(-right, 0), w + min(-right, 0)))
    out[(..., *to)] = values[(..., *source)]
    return out


@dataclass
class Sample:
    """Levels (F, C, U, h, w) of one clip in some representation, zero where ``mask`` (F, h, w) says
    nothing is coded.
    """

    levels: np.ndarray
    mask: np.ndarray

    def picked(self, values: np.ndarray) -> np.ndarray:
        """(F, U, h, w) → (U, n), the coded positions."""
        return values.transpose(1, 0, 2, 3)[:, self.mask]


def _weights(
    features: np.ndarray, wanted: np.ndarray, weight: np.ndarray | float = 1.0
) -> np.ndarray:
    """Least squares (k, n) → (k,), a little shrunk."""
    scaled = features * weight
    moment = (scaled @ features.T).astype(np.float64)
    ridge = 1e-3 * np.trace(moment) / len(moment) + 1e-6
    return np.linalg.solve(
        moment + ridge * np.eye(len(moment)), (scaled @ wanted).astype(np.float64)
    ).astype(np.float32)


def coded_bits(clips: list[Sample], taught: list[int], size: int) -> list[float]:
    """Ideal bits of all clips under weights and initial counts from those numbered in
    ``taught``.
    """
    channels, subbands = clips[0].levels.shape[1:3]
    order = frequencies(size)
    place = {f: u for u, f in enumerate(order)}
    parents = [[place[p] for p in ((i - 1, j), (i, j - 1)) if p in place] for i, j in order]
    total = sum(np.abs(clips[i].levels).sum((0, 3, 4), dtype=np.float64) for i in taught)
    # (C, U) mean magnitude
    usual = ((total + 0.02) / (sum(clips[i].mask.sum() for i in taught) + 1)).astype(np.float32)
    sizes = [np.zeros((2 * SIZE_BUCKETS, SYMBOLS)) for _ in clips]
    signs = [np.zeros((2 * (len(SIGN_EDGES) + 1), 2)) for _ in clips]
    earlier = [np.zeros(c.levels[:, 0].shape, dtype=np.float32) for c in clips]
    kinds = [slice(0, 1), slice(1, subbands)] if subbands > 1 else [slice(0, 1)]
    for channel in range(channels):
        own, signed, relative = [], [], []
        for clip, before in zip(clips, earlier):
            levels = clip.levels[:, channel].astype(np.float32)
            magnitudes = np.abs(levels) / usual[channel][:, None, None]
            moves = ((0, 1), (1, 0), (1, 1), (1, -1))
            values = [shifted(levels, *move) for move in moves]
            signed.append(
                np.stack(
                    [clip.picked(v) for v in values]
                    + [clip.picked(clip.levels[:, c]) for c in range(channel)]
                )
            )
            scale = 1 / max(channel, 1)
            sides = shifted(magnitudes, 0, 1) + shifted(magnitudes, 1, 0)
            corners = shifted(magnitudes, 1, 1) + shifted(magnitudes, 1, -1)
            around = sum(shifted(before, *move) for move in ((0, 1), (1, 0), (0, -1), (-1, 0)))
            found = [clip.picked(f) for f in (sides, corners, before * scale, around * scale)]
            picked = clip.picked(magnitudes)
            lower, below = np.zeros_like(picked), np.zeros_like(picked)
            for u in range(1, subbands):
                lower[u] = picked[parents[u]].mean(0)
                below[u] = picked[:u].mean(0)
            relative.append(np.stack([np.ones_like(picked), *found, lower, below]))
            own.append(clip.picked(levels))
            before += magnitudes
        for kind, subs in enumerate(kinds):
            usual_here = usual[channel][subs]
            if not sum(own[i].shape[1] for i in taught):
                continue

            def gather(parts: list[np.ndarray]) -> np.ndarray:
                return np.concatenate(
                    [parts[i][..., subs, :].reshape(*parts[i].shape[:-2], -1) for i in taught], -1
                )

            signed_weights = _weights(gather(signed), gather(own))
            expected = [np.tensordot(signed_weights, s[:, subs], 1) for s in signed]
            column = usual_here[:, None]
            features = [
                np.concatenate([r[:, subs], (np.abs(e) / column)[None]])
                for r, e in zip(relative, expected)
            ]
            counts = [own[i].shape[1] for i in taught]
            weight = np.concatenate([np.repeat(usual_here, n) for n in counts])
            wanted = np.concatenate([(np.abs(own[i][subs]) / column).ravel() for i in taught])
            weights = _weights(
                np.concatenate([features[i].reshape(len(features[i]), -1) for i in taught], 1),
                wanted,
                weight,
            )
            for i in range(len(clips)):
                level = own[i][subs].astype(np.int64).ravel()
                size_expected = (
                    np.maximum(np.tensordot(weights, features[i], 1), 0.02) * column
                ).ravel()
                bucket = (
                    np.clip(np.rint(2 * np.log2(size_expected)) + 16, 0, SIZE_BUCKETS - 1).astype(
                        np.int64
                    )
                    + kind * SIZE_BUCKETS
                )
                symbol = np.minimum(np.abs(level), SYMBOLS - 1)
                sizes[i] += np.bincount(bucket * SYMBOLS + symbol, minlength=sizes[i].size).reshape(
                    sizes[i].shape
                )
                some = level != 0
                edge = np.searchsorted(
                    SIGN_EDGES, (expected[i].ravel() / size_expected)[some]
                ) + kind * (len(SIGN_EDGES) + 1)
                signs[i] += np.bincount(
                    edge * 2 + (level[some] > 0), minlength=signs[i].size
                ).reshape(signs[i].shape)
    bits = []
    for i, clip in enumerate(clips):
        prior_sizes, prior_signs = (
            prior_of(sum(counts[k] for k in taught)) for counts in (sizes, signs)
        )
        entropy = (
            adaptive_bits(sizes[i], prior_sizes).sum() + adaptive_bits(signs[i], prior_signs).sum()
        )
        bits.append(float(entropy) + escape_bits(clip.levels))
    return bits
