"""A rendered scene, three balls that bounce along a road, and the sound that goes with it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

from .drawing import OVERSAMPLING, SEED, Picture, clouds, moved, over, tinted

SAMPLE_RATE = 48000
# texture, colour, radius (of the height), ground line, x at the start, x a second, bounces a
# second, spin a second, pan
BALLS = (
    ("grass", (96, 150, 60), 0.105, 0.62, -0.10, 0.24, 0.9, 2.6),
    ("brick", (190, 92, 64), 0.150, 0.70, 1.16, -0.22, 0.7, -1.7),
    ("gravel", (92, 128, 190), 0.190, 0.80, -0.34, 0.27, 0.5, 1.6),
)
TICKER = (
    "A TEST SCENE MADE BY ARITHMETIC  *  three balls, two clouds, one road  *  0123456789  *  thin"
    " letters are hard to code  *  "
)


class Ball:
    """A textured, lit sphere that rolls and bounces along a line; draws itself at any angle of
    spin.
    """

    def __init__(self, texture: Picture, radius: int) -> None:
        # mirrored: no seam where it closes
        self.texture = np.concatenate([texture, texture[:, ::-1]], axis=1)
        self.radius = radius
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32) / radius
        inside = np.clip(1 - x * x - y * y, 0, 1)
        z = np.sqrt(inside)
        self.alpha = np.clip((1 - np.sqrt(x * x + y * y)) * radius, 0, 1)
        light = np.clip(-0.45 * x - 0.65 * y + 0.61 * z, 0, 1)
        self.light = (0.30 + 0.80 * light)[:, :, None]
        self.shine = (150 * np.clip(-0.35 * x - 0.5 * y + 0.79 * z, 0, 1) ** 40)[:, :, None]
        self.x, self.y, self.z = x, y, z

    def draw(self, frame: Picture, centre: tuple[float, float], spin: float) -> Picture:
        """`frame` with the ball at `centre` (x, y pixels), rolled by `spin` radians."""
        c, s = math.cos(spin), math.sin(spin)
        u, v = c * self.x + s * self.y, c * self.y - s * self.x
        rows, columns = self.texture.shape[:2]
        longitude = (np.arctan2(u, self.z + 1e-6) / (2 * math.pi) + 0.5) * (columns - 1)
        latitude = (np.arcsin(np.clip(v, -1, 1)) / math.pi + 0.5) * (rows - 1)
        ball = cv2.remap(
            self.texture,
            longitude.astype(np.float32),
            latitude.astype(np.float32),
            cv2.INTER_LINEAR,
        )
        ball = np.clip(ball * self.light + self.shine, 0, 255)
        h, w = frame.shape[:2]
        place = moved(centre[0] - self.radius, centre[1] - self.radius)
        layer, alpha = (
            np.asarray(cv2.warpAffine(flat, place, (w, h)), flat.dtype)
            for flat in (ball, self.alpha)
        )
        return over(frame, layer, alpha)


def bounce(seconds: float, per_second: float) -> float:
    """Height 0..1 above the ground of a ball that bounces for ever."""
    phase = seconds * per_second % 1
    return 4 * phase * (1 - phase)


def road(size: tuple[int, int], horizon: int, texture: Picture, travelled: float) -> Picture:
    """A plane of `texture` seen in perspective below row `horizon`, moved by `travelled` texture
    rows; (h, w, 3).
    """
    w, h = size
    rows = np.arange(h, dtype=np.float32)[:, None] - horizon + 0.5
    depth = 0.42 * h / np.maximum(rows, 1)
    x = (np.arange(w, dtype=np.float32)[None, :] - w / 2) / w * depth * 420
    side = texture.shape[0]
    near = cv2.remap(
        texture,
        (x + travelled) % side,
        (depth * 260 + np.zeros_like(x)) % side,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    # Far away the texture is finer than the pixels: fade to its mean colour instead of letting it
    # flicker.
    haze = np.clip((depth - 1.1) / 2.2, 0, 1)[:, :, None]
    faded: Picture = near + (texture.mean(axis=(0, 1)) - near) * haze
    return faded


def rendered(size: tuple[int, int], frame_count: int, fps: int) -> Iterator[Picture]:
    """Clouds, a gravel road in perspective, three bouncing textured balls with shadows, and a line
    of scrolling text.
    """
    rng = np.random.default_rng(SEED)
    w, h = size
    horizon, strip = int(0.46 * h), int(0.11 * h)
    sky = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** 0.8
    sky = (
        np.array((70, 120, 190), np.float32) * (1 - sky)
        + np.array((232, 226, 205), np.float32) * sky
        + np.zeros((h, w, 1), np.float32)
    )
    drift = clouds((2 * w, h), rng)
    gravel = tinted(skimage.data.gravel(), (150, 136, 116), 0.8)
    ground = np.asarray(cv2.GaussianBlur(gravel, (0, 0), 0.8), gravel.dtype)
    balls = [
        Ball(tinted(getattr(skimage.data, b[0])(), b[1], 1.3)[::2, ::2].copy(), int(b[2] * h))
        for b in BALLS
    ]
    scale = strip / 34
    text_w = cv2.getTextSize(TICKER, cv2.FONT_HERSHEY_DUPLEX, scale, 2)[0][0]
    text = np.full((strip, text_w, 3), (22, 26, 40), np.uint8)
    cv2.putText(
        text,
        TICKER,
        (0, int(0.72 * strip)),
        cv2.FONT_HERSHEY_DUPLEX,
        scale,
        (250, 240, 214),
        2,
        cv2.LINE_AA,
    )
    ribbon = np.tile(text, (1, math.ceil(w / text_w) + 2, 1)).astype(np.float32)
    for i in range(frame_count):
        t = i / fps
        offset = 40 * t
        window = cv2.warpAffine(drift, moved(-offset, 0), size, flags=cv2.INTER_LINEAR)
        frame = over(sky, np.full_like(sky, 250), np.clip(1.9 * window - 0.85, 0, 0.9))
        frame[horizon:] = road(size, horizon, ground, 60 * t)[horizon:]
        for ball, (_, _, radius, line, start, speed, per_second, spin) in zip(
            balls, BALLS, strict=True
        ):
            x, height = (start + speed * t) * w, bounce(t, per_second)
            shadow = np.zeros((h, w), np.float32)
            reach = radius * h * (1 - 0.3 * height)
            cv2.ellipse(
                shadow,
                ((x, (line + radius * 0.95) * h), (2 * reach, 0.5 * reach)[:2], 0),
                0.6 * (1 - 0.55 * height),
                -1,
            )
            soft = cv2.GaussianBlur(shadow, (0, 0), 0.008 * w * (1 + height))
            frame = over(frame, np.zeros_like(frame), np.asarray(soft, np.float32))
            frame = ball.draw(frame, (x, (line - 0.34 * height) * h), spin * t)
        shift = moved(-((90 * OVERSAMPLING * t) % text_w), 0)
        frame[h - strip :] = cv2.warpAffine(ribbon, shift, (w, strip), flags=cv2.INTER_LINEAR)
        yield frame


def music(seconds: float) -> Picture:
    """A slow arpeggio with a soft knock at every bounce, placed where its ball is; float32 (2,
    samples), -1..1.
    """
    rng = np.random.default_rng(SEED)
    length = int(seconds * SAMPLE_RATE)
    sound = np.zeros((2, length), np.float32)

    def add(start: float, tone: npt.NDArray[np.float64], pan: float) -> None:
        first = int(start * SAMPLE_RATE)
        tone = tone[: max(0, length - first)]
        sides = [[math.cos(pan * math.pi / 2)], [math.sin(pan * math.pi / 2)]]
        sound[:, first : first + len(tone)] += tone * np.array(sides, np.float32)

    notes = (0, 7, 12, 16, 19, 16, 12, 7, -4, 3, 8, 12, 15, 12, 8, 3)
    clock = np.arange(int(1.6 * SAMPLE_RATE)) / SAMPLE_RATE
    for step in range(math.ceil(seconds / 0.25)):
        pitch = 220 * 2 ** (notes[step % len(notes)] / 12)
        tone = np.sum([np.sin(2 * np.pi * pitch * k * clock) / k**2 for k in (1, 2, 3, 5)], axis=0)
        add(
            step * 0.25,
            0.16 * tone * np.exp(-3.2 * clock) * np.minimum(1, clock * 200),
            0.5 + 0.3 * math.sin(step),
        )
    for _, _, radius, _, start, speed, per_second, _ in BALLS:
        for k in range(1, math.ceil(seconds * per_second)):
            at = k / per_second
            knock = np.sin(
                2 * np.pi * 14 / radius * clock * np.exp(-4 * clock)
            ) + 0.25 * rng.standard_normal(len(clock))
            add(at, 0.30 * knock * np.exp(-26 * clock), min(max(start + speed * at, 0.0), 1.0))
    fade = np.minimum(1, np.arange(length)[::-1] / (0.4 * SAMPLE_RATE)).astype(np.float32)
    return np.asarray(np.clip(sound * fade, -1, 1), np.float32)
