"""Latents of inter frames, (C, h, w): what stands still, and what is added to predictions."""

from __future__ import annotations

import numpy as np

from ...v1.quantiser import LATENT_LIMIT
from ..standing import AVERAGE, FUTURE, MOVED, PAST
from .jit import kernel


@kernel("void(int32[:, :, ::1], int32[:, :, ::1], int32[:, :, ::1], uint8[:, ::1])")
def put_still(out, past, future, standing):
    """``standing.put_still``, in place."""
    channels, height, width = out.shape
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                what = standing[row, column]
                one, other = past[channel, row, column], future[channel, row, column]
                made = np.int32(np.int32(one + other + 1) >> 1)
                made = one if what == PAST else made
                made = other if what == FUTURE else made
                made = made if what <= AVERAGE else np.int32(0)
                out[channel, row, column] = out[channel, row, column] if what == MOVED else made


@kernel("void(int32[:, :, ::1], int64[:, :, ::1], int64, int64, int16[:, :, ::1])")
def add_values(predicted, values, step, bits, out):
    """``values.renewed``; step: fixed, values times it are in 2^-bits of a latent unit."""
    channels, height, width = predicted.shape
    half = 1 << (bits - 1)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                made = (values[channel, row, column] * step + half) >> bits
                made += predicted[channel, row, column]
                out[channel, row, column] = min(max(made, -LATENT_LIMIT), LATENT_LIMIT)
