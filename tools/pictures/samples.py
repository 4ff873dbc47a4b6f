"""Makes the clips of samples/ from pictures that scikit-image ships (public domain or CC0) and from
a rendered scene.

    python -m tools.pictures.samples [FOLDER]   # needs the extra: pip install -e ".[samples]"

Nothing is drawn at random without a fixed seed and x264 runs in one thread, so the same library
versions give the same files. Every frame is drawn at twice its size and reduced by area, which
keeps moving edges free of stair-steps.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from av.video.reformatter import ColorRange, Colorspace

OVERSAMPLING = 2
SEED = 2
SAMPLE_RATE = 48000
BT709 = 1  # ITU-T H.273 code point of primaries, transfer and matrix alike
LIMITED_RANGE = 1  # FFmpeg's number for it


def smooth(t: float) -> float:
    """Eases 0..1 in and out, so that a camera starts and stops without a jerk."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def camera_view(
    picture: np.ndarray,
    centre: tuple[float, float],
    width: float,
    angle: float,
    size: tuple[int, int],
) -> np.ndarray:
    """What a camera sees of `picture` (H, W, 3): `width` picture pixels across, turned by `angle`
    degrees, as `size` (w, h).
    """
    out_w, out_h = size
    matrix = cv2.getRotationMatrix2D(centre, angle, out_w / width)
    matrix[:, 2] += (out_w / 2 - centre[0], out_h / 2 - centre[1])
    return cv2.warpAffine(
        picture, matrix, (out_w, out_h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def over(frame: np.ndarray, layer: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`layer` (H, W, 3) laid over `frame` where `alpha` (H, W) in 0..1 says so; all float32."""
    return frame + (layer - frame) * alpha[:, :, None]


def tinted(
    grey: np.ndarray, colour: tuple[float, float, float], contrast: float = 1.0
) -> np.ndarray:
    """A grey texture (H, W) uint8 as float32 (H, W, 3) of mean `colour` (RGB 0..255)."""
    relative = 1 + contrast * (grey.astype(np.float32) / grey.mean() - 1)
    return np.clip(relative[:, :, None] * np.float32(colour), 0, 255)


def clouds(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of several octaves, float32 (h, w), about 0..1."""
    w, h = size
    total = np.zeros((h, w), np.float32)
    for octave in range(2, 7):
        cells = 2**octave
        total += (
            cv2.resize(
                rng.random((cells // 2 + 1, cells)).astype(np.float32),
                (w, h),
                interpolation=cv2.INTER_CUBIC,
            )
            / cells
            * 2
        )
    return (total - total.min()) / (total.max() - total.min())


# --- clip 1: a portrait, seen by a camera that passes behind a pillar
# -----------------------------------------------


def portrait(size: tuple[int, int], frame_count: int) -> Iterator[np.ndarray]:
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
        cv2.GaussianBlur(np.roll(a, w // 2, axis=1), (0, 0), blur) for a in (pillar, mask)
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
        shift = np.float32([[1, 0, w * (0.75 - 1.5 * (t * 1.5 - 0.15))], [0, 1, -0.05 * h * t]])
        edge = {"borderMode": cv2.BORDER_REPLICATE, "flags": cv2.INTER_LINEAR}
        layer, alpha = (
            cv2.warpAffine(pillar, shift, size, **edge),
            cv2.warpAffine(mask, shift, size, **edge),
        )
        yield frame * (1 - alpha[:, :, None]) + layer


# --- clip 2: a cup, then a cut to a cat
# -----------------------------------------------------------------------------


def cup_and_cat(size: tuple[int, int], frame_count: int) -> Iterator[np.ndarray]:
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


# --- clip 3: a rendered scene with sound
# ----------------------------------------------------------------------------

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

    def __init__(self, texture: np.ndarray, radius: int) -> None:
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

    def draw(self, frame: np.ndarray, centre: tuple[float, float], spin: float) -> np.ndarray:
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
        place = np.float32([[1, 0, centre[0] - self.radius], [0, 1, centre[1] - self.radius]])
        return over(
            frame, cv2.warpAffine(ball, place, (w, h)), cv2.warpAffine(self.alpha, place, (w, h))
        )


def bounce(seconds: float, per_second: float) -> float:
    """Height 0..1 above the ground of a ball that bounces for ever."""
    phase = seconds * per_second % 1
    return 4 * phase * (1 - phase)


def road(size: tuple[int, int], horizon: int, texture: np.ndarray, travelled: float) -> np.ndarray:
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
    return near + (texture.mean(axis=(0, 1)) - near) * haze


def rendered(size: tuple[int, int], frame_count: int, fps: int) -> Iterator[np.ndarray]:
    """Clouds, a gravel road in perspective, three bouncing textured balls with shadows, and a line
    of scrolling text.
    """
    rng = np.random.default_rng(SEED)
    w, h = size
    horizon, strip = int(0.46 * h), int(0.11 * h)
    sky = np.linspace(0, 1, h, dtype=np.float32)[:, None, None] ** 0.8
    sky = (
        np.float32((70, 120, 190)) * (1 - sky)
        + np.float32((232, 226, 205)) * sky
        + np.zeros((h, w, 1), np.float32)
    )
    drift = clouds((2 * w, h), rng)
    ground = cv2.GaussianBlur(tinted(skimage.data.gravel(), (150, 136, 116), 0.8), (0, 0), 0.8)
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
    text = np.tile(text, (1, math.ceil(w / text_w) + 2, 1)).astype(np.float32)
    for i in range(frame_count):
        t = i / fps
        offset = 40 * t
        window = cv2.warpAffine(
            drift, np.float32([[1, 0, -offset], [0, 1, 0]]), size, flags=cv2.INTER_LINEAR
        )
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
            shadow = cv2.GaussianBlur(shadow, (0, 0), 0.008 * w * (1 + height))
            frame = over(frame, np.zeros_like(frame), shadow)
            frame = ball.draw(frame, (x, (line - 0.34 * height) * h), spin * t)
        shift = np.float32([[1, 0, -((90 * OVERSAMPLING * t) % text_w)], [0, 1, 0]])
        frame[h - strip :] = cv2.warpAffine(text, shift, (w, strip), flags=cv2.INTER_LINEAR)
        yield frame


def music(seconds: float) -> np.ndarray:
    """A slow arpeggio with a soft knock at every bounce, placed where its ball is; float32 (2,
    samples), -1..1.
    """
    rng = np.random.default_rng(SEED)
    length = int(seconds * SAMPLE_RATE)
    sound = np.zeros((2, length), np.float32)

    def add(start: float, tone: np.ndarray, pan: float) -> None:
        first = int(start * SAMPLE_RATE)
        tone = tone[: max(0, length - first)]
        sound[:, first : first + len(tone)] += tone * np.float32(
            [[math.cos(pan * math.pi / 2)], [math.sin(pan * math.pi / 2)]]
        )

    notes = (0, 7, 12, 16, 19, 16, 12, 7, -4, 3, 8, 12, 15, 12, 8, 3)
    clock = np.arange(int(1.6 * SAMPLE_RATE)) / SAMPLE_RATE
    for step in range(math.ceil(seconds / 0.25)):
        pitch = 220 * 2 ** (notes[step % len(notes)] / 12)
        tone = sum(np.sin(2 * np.pi * pitch * k * clock) / k**2 for k in (1, 2, 3, 5))
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
    return np.clip(sound * fade, -1, 1).astype(np.float32)


# --- files
# --------------------------------------------------------------------------------------------------


def write_clip(
    path: Path,
    frames: Iterator[np.ndarray],
    size: tuple[int, int],
    fps: int,
    crf: int,
    sound: np.ndarray | None = None,
) -> None:
    """Writes float32 RGB `frames` of OVERSAMPLING times `size` (w, h) as H.264 and `sound` (2,
    samples) as AAC into an MP4.
    """
    with av.open(
        str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:
        video = container.add_stream(
            "libx264", rate=fps, options={"crf": str(crf), "preset": "slower", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        context = video.codec_context
        context.flags |= av.codec.context.Flags.bitexact
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE
        context.time_base = Fraction(1, fps)
        audio = (
            container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=96000)
            if sound is not None
            else None
        )
        if audio is not None:
            audio.codec_context.flags |= av.codec.context.Flags.bitexact
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound), format="fltp", layout="stereo"
            )
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
            audio_packets = audio.encode(block) + audio.encode(None)
        for number, picture in enumerate(frames):
            reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            rgb = av.VideoFrame.from_ndarray(
                np.clip(reduced + 0.5, 0, 255).astype(np.uint8), format="rgb24"
            )
            frame = rgb.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio_packets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("samples"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    def drawn(size: tuple[int, int]) -> tuple[int, int]:
        return size[0] * OVERSAMPLING, size[1] * OVERSAMPLING

    size = (512, 288)
    write_clip(folder / "portrait.mp4", portrait(drawn(size), 150), size, 25, 22)
    size = (480, 270)
    write_clip(folder / "cup-and-cat.mp4", cup_and_cat(drawn(size), 125), size, 25, 22)
    size = (384, 216)
    write_clip(folder / "balls.mp4", rendered(drawn(size), 180, 30), size, 30, 22, music(6.0))
    for path in sorted(folder.glob("*.mp4")):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
