"""Clips of a camera that moves over photographs which scikit-image ships."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import skimage.data

from .drawing import Picture, camera_view, moved, smooth, tinted


def portrait(size: tuple[int, int], frame_count: int) -> Iterator[Picture]:
    """A camera rises from the helmet to the face; a pillar out of focus crosses in front of it
    (disocclusion).
    """
    picture = skimage.data.astronaut().astype(np.float32)
    w, h = size
    pillar_w = int(0.17 * w)
    bricks = cv2.resize(
        tinted(skimage.data.brick(), (96, 58, 44), 1.6),
        (int(1.2 * h), int(1.2 * h)),
        interpolation=cv2.INTER_CUBIC,
    )
    shade = np.cos(np.linspace(-1.25, 1.1, pillar_w, dtype=np.float32))[None, :, None]
    pillar = np.zeros((h, w, 3), np.float32)
    mask = np.zeros((h, w), np.float32)
    pillar[:, :pillar_w] = bricks[:h, :pillar_w] * shade
    mask[:, :pillar_w] = 1
    # Premultiplied before the blur: the soft edge must not be darkened by the black around the
    # pillar.
    blur = 0.006 * w
    pillar, mask = (
        np.asarray(cv2.GaussianBlur(np.roll(a, w // 2, axis=1), (0, 0), blur), np.float32)
        for a in (pillar, mask)
    )
    for i in range(frame_count):
        t = i / (frame_count - 1)
        move = smooth(t * 1.15)
        view_w = 470 - 150 * move
        view_h = view_w * h / w
        centre = (
            250 - 30 * move + 6 * math.sin(5 * t),
            (512 - view_h / 2 - 8) * (1 - move) + 150 * move,
        )
        frame = camera_view(picture, centre, view_w, 1.5 * math.sin(3.1 * t), size)
        shift = moved(w * (0.75 - 1.5 * (t * 1.5 - 0.15)), -0.05 * h * t)
        layer, alpha = (
            cv2.warpAffine(
                flat, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            for flat in (pillar, mask)
        )
        yield np.asarray(frame * (1 - alpha[:, :, None]) + layer)


def cup_and_cat(size: tuple[int, int], frame_count: int) -> Iterator[Picture]:
    """The camera circles over a coffee cup; in the middle a hard cut to a cat that it moves in
    on.
    """
    cup, cat = skimage.data.coffee().astype(np.float32), skimage.data.chelsea().astype(np.float32)
    cut = frame_count // 2
    for i in range(frame_count):
        if i < cut:
            t = i / cut
            centre = (300 + 50 * math.cos(2.6 * t + 0.4), 205 + 26 * math.sin(2.6 * t + 0.4))
            yield camera_view(cup, centre, 430 - 40 * smooth(t), 7 * smooth(t) - 3, size)
        else:
            t = smooth((i - cut) / (frame_count - cut - 1))
            yield camera_view(cat, (235 - 12 * t, 146 - 12 * t), 440 - 170 * t, 2 * t, size)
