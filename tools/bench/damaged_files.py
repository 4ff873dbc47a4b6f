"""Trials of damage: a clip coded here, access units of it broken at random, and what becomes of
every frame, for tools/bench/damage.py.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import Sample, StreamWriter
from bitstream.errors import BitstreamError
from videocodec import encode
from videocodec.decoded import DecodedLatents, FrameKind
from videocodec.decoder import concealment
from videocodec.decoder import latents as decoder_latents
from videocodec.decoder.concealment import concealed_frames
from videocodec.decoder.latents import LatentStream, UnitDecoder
from videocodec.errors import VideoCodecError

KINDS = ("flip", "zero", "forge", "truncate", "drop", "swap", "duplicate", "several")


# --------------------------------------------------------------------------------------------------
# clips


def write_clip(path: Path, frames: int, width: int, height: int, *, sound: bool = False) -> Path:
    """A moving pattern with a change of scene in the middle, for want of any other; with sound if
    asked for.
    """
    rng = np.random.default_rng(3)
    scenes = [
        cv2.GaussianBlur(
            rng.standard_normal((height * 2, width * 2, 3)).astype(np.float32), (0, 0), 4
        )
        for _ in range(2)
    ]
    scenes = [np.clip(128 + 45 * scene / scene.std(), 0, 255).astype(np.uint8) for scene in scenes]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, width=width, height=height, pix_fmt="yuv420p"
        )
        stream.codec_context.options = {"crf": "8", "preset": "ultrafast"}
        tone = container.add_stream("aac", rate=48000) if sound else None
        for index in range(frames):
            y, x = index % height, 2 * index % width
            picture = np.ascontiguousarray(
                scenes[2 * index // frames][y : y + height, x : x + width]
            )
            # Becomes BT.601 limited range, as FFmpeg takes an untagged picture of this size to be.
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        for index in range(frames * 1920 // 1024 if tone else 0):
            block = av.AudioFrame.from_ndarray(
                rng.normal(0, 0.1, (2, 1024)).astype(np.float32), format="fltp", layout="stereo"
            )
            block.sample_rate, block.pts, block.time_base = 48000, index * 1024, Fraction(1, 48000)
            container.mux(tone.encode(block))
        if tone:
            container.mux(tone.encode())
    return path


def coded_clip(folder: Path, *, sound: bool = False, frames: int = 66, gop_size: int = 24) -> Path:
    """A latent-video file of 64×48, three groups of pictures or more, by the real encoder."""
    clip = write_clip(folder / "clip.mp4", frames, 64, 48, sound=sound)
    encode(
        clip,
        folder / "clip.lv.mp4",
        crf=34,
        preset="superfast",
        gop_size=gop_size,
        device="cpu",
        threads=1,
    )
    return folder / "clip.lv.mp4"


def scaled_clip(source: Path, folder: Path, width: int, height: int, frames: int) -> Path:
    """A part of a clip at another size, encoded by this codec."""
    small = folder / "small.mp4"
    with av.open(str(source)) as video, av.open(str(small), "w") as out:
        stream = out.add_stream(
            "libx264",
            rate=video.streams.video[0].average_rate,
            width=width,
            height=height,
            pix_fmt="yuv420p",
        )
        stream.codec_context.options = {"crf": "10", "preset": "veryfast"}
        for index, frame in enumerate(video.decode(video=0)):
            if index == frames:
                break
            # YUV to YUV: the matrix and range stay those of the clip (BT.601 or BT.709 limited, by
            # its tags).
            out.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        out.mux(stream.encode())
    encode(small, folder / "small.lv.mp4", crf=28, preset="ultrafast", device="cpu", threads=1)
    return folder / "small.lv.mp4"


# --------------------------------------------------------------------------------------------------
# damage


@dataclass(frozen=True)
class Damaged:
    """What a trial makes of a stream: its samples in the order of the file, and the numbers of the
    units that were damaged or taken away; swapped and repeated ones, which nothing is lost of, do
    not count.
    """

    samples: list[Sample]
    victims: frozenset[int]


def damage(kind: str, samples: Sequence[Sample], rng: np.random.Generator) -> Damaged:
    """One kind of damage at random places."""
    out, victim = list(samples), int(rng.integers(len(samples)))
    if kind == "several":
        first = damage(str(rng.choice(["flip", "zero", "truncate", "forge"])), out, rng)
        second = damage(str(rng.choice(["flip", "zero", "drop"])), first.samples, rng)
        numbers = {sample.index for sample in samples}
        hit = first.victims | {first.samples[place].index for place in second.victims}
        return Damaged(second.samples, frozenset(hit & numbers))
    if kind == "drop":
        del out[victim]
        return Damaged(out, frozenset({victim}))
    if kind == "swap":
        other = int(rng.integers(len(samples)))
        out[victim], out[other] = (
            replace(out[victim], data=out[other].data),
            replace(out[other], data=out[victim].data),
        )
        return Damaged(out, frozenset())
    if kind == "duplicate":
        where = int(rng.integers(victim + 1, len(samples) + 1))
        out.insert(where, out[victim])
        return Damaged(out, frozenset())
    out[victim] = replace(out[victim], data=_broken(kind, out[victim].data, rng))
    return Damaged(out, frozenset({victim}))


def _broken(kind: str, data: bytes, rng: np.random.Generator) -> bytes:
    if kind == "truncate":
        return data[: int(rng.integers(1, len(data)))]
    changed = np.frombuffer(data, np.uint8).copy()
    if kind == "zero":
        begin, end = sorted(rng.choice(len(data) + 1, 2, replace=False).tolist())
        changed[begin:end] = 0
        if changed.tobytes() == data:
            changed[begin] ^= 255
    elif kind == "flip":
        for place in rng.choice(8 * len(data), int(rng.integers(1, 9)), replace=False).tolist():
            changed[place // 8] ^= 1 << place % 8
    elif kind == "forge":  # a checksum that holds over bits that do not
        unit = AccessUnit.parse(data)
        payload = np.frombuffer(unit.payload, np.uint8).copy()
        place = int(rng.integers(8 * len(payload)))
        payload[place // 8] ^= 1 << place % 8
        body = bytearray(data[:-4])
        body[len(body) - len(payload) :] = payload.tobytes()
        return bytes(body) + zlib.crc32(body).to_bytes(4, "big")
    return changed.tobytes()


def write_samples(path: Path, samples: Sequence[Sample], time_base: Fraction) -> Path:
    """A file of those samples; where one was taken away, times show it, and where one is repeated,
    a tick of the track tells them apart.
    """
    with StreamWriter(path, time_base) as writer:
        last = None
        for sample in samples:
            pts = sample.pts if last is None else max(sample.pts, last + 1)
            writer.write(sample.data, pts, sample.duration)
            last = pts
        writer.commit()
    return path


# --------------------------------------------------------------------------------------------------
# trials


class RememberingDecoder(UnitDecoder):
    """Decodes what was decoded before from memory: equal access units after equal ones, which is
    nearly all there is in a trial.
    """

    memory: dict[tuple[bytes, ...], list[DecodedLatents]] = {}

    def __init__(self, tables: object, block: int, frames_before: int = 0) -> None:
        super().__init__(tables, block, frames_before)
        self._chain: list[AccessUnit] = []
        self._done = 0
        self._real = UnitDecoder(tables, block)

    def decode(self, unit: AccessUnit, size: int) -> list[DecodedLatents]:
        if unit.is_keyframe:
            self._chain, self._done = [], 0
        self._chain.append(unit)
        key = tuple(each.to_bytes() for each in self._chain)
        if key not in self.memory:
            while self._done < len(self._chain):
                frames = self._real.decode(self._chain[self._done], size)
                self._done += 1
            self.memory[key] = frames
        first = self.memory[key][0].index
        shift = self.frames_before - first
        frames = [
            replace(
                frame,
                index=frame.index + shift,
                references=tuple(None if r is None else r + shift for r in frame.references),
            )
            for frame in self.memory[key]
        ]
        self.frames_before += len(frames)
        return frames


@dataclass
class Tally:
    """Of the trials of one kind.  dependent: frames that depended on what was damaged; concealed:
    of those, marked as concealed; exact: of those, bit-exact all the same; outside: frames that did
    not depend on it; lost_outside: of those, missing, marked or with other latents, number or time;
    wrong_inside: dependent ones that are not marked and not exact; refused: trials that were an
    error (nothing of the stream can be decoded).
    """

    trials: int = 0
    dependent: int = 0
    concealed: int = 0
    exact: int = 0
    outside: int = 0
    lost_outside: int = 0
    wrong_inside: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Original:
    """A stream and all that it decodes to."""

    samples: list[Sample]
    frames: list[DecodedLatents]
    time_base: Fraction
    units: list[tuple[range, bool]]  # frames of each access unit, and whether it is a keyframe

    @classmethod
    def of(cls, path: Path) -> Original:
        stream = LatentStream(path)
        frames = list(stream.frames())
        index = stream.index()
        units = [(unit.frames, unit.is_keyframe) for unit in index.units]
        return cls(list(stream.reader.units()), frames, stream.header.time_base, units)

    def dependent(self, victims: frozenset[int]) -> set[int]:
        """Frames of those access units, and of all after each of them up to the next keyframe."""
        found: set[int] = set()
        for victim in victims:
            for place in range(victim, len(self.units)):
                if place > victim and self.units[place][1]:
                    break
                found |= set(self.units[place][0])
        return found


def one_trial(original: Original, damaged: Damaged, path: Path, tally: Tally) -> None:
    """Write the damaged file, decode it, and compare every frame."""
    tally.trials += 1
    dependent = original.dependent(damaged.victims)
    write_samples(path, damaged.samples, original.time_base)
    try:
        decoded = list(concealed_frames(LatentStream(path)))
    except (BitstreamError, VideoCodecError):
        tally.refused += 1
        decoded = []
    # Nothing tells that a file once began earlier, or went on longer: then numbers count from the
    # first frame that is there.
    whole = len(decoded) == len(original.frames)
    by_pts = {frame.pts: frame for frame in decoded}
    first = decoded[0].pts if decoded else 0
    missing_before = sum(frame.pts < first for frame in original.frames)
    for number, expected in enumerate(original.frames):
        frame = by_pts.get(expected.pts)
        is_exact = (
            frame is not None
            and frame.kind == expected.kind
            and frame.duration == expected.duration
            and frame.index == number - (0 if whole else missing_before)
            and np.array_equal(frame.latent.latents, expected.latent.latents)
        )
        if number in dependent:
            tally.dependent += 1
            tally.exact += is_exact
            is_marked = frame is None or frame.kind == FrameKind.CONCEALED
            tally.concealed += frame is not None and is_marked
            tally.wrong_inside += not is_exact and not is_marked
        else:
            tally.outside += 1
            tally.lost_outside += not is_exact


@contextmanager
def remembering(is_on: bool = True):
    """Trials decode what they decoded before from memory, and look the model up once."""
    if not is_on:
        yield
        return
    known: dict[str, object] = {}
    find = decoder_latents.bundle_for

    def found(header: object) -> object:
        if header.model_sha256 not in known:
            known[header.model_sha256] = find(header)
        return known[header.model_sha256]

    RememberingDecoder.memory = {}
    with (
        mock.patch.object(decoder_latents, "UnitDecoder", RememberingDecoder),
        mock.patch.object(concealment, "UnitDecoder", RememberingDecoder),
        mock.patch.object(decoder_latents, "bundle_for", found),
    ):
        yield


def run_trials(
    coded: Path,
    count: int,
    seed: int = 0,
    *,
    remember: bool = True,
    told: Callable[[int], None] = lambda n: None,
):
    """``count`` trials, the kinds in turn → {kind: Tally}."""
    rng = np.random.default_rng(seed)
    tallies = {kind: Tally() for kind in KINDS}
    original = Original.of(coded)
    with tempfile.TemporaryDirectory() as folder, remembering(remember):
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            one_trial(
                original,
                damage(kind, original.samples, rng),
                Path(folder) / "trial.lv.mp4",
                tallies[kind],
            )
            told(number + 1)
    return tallies
