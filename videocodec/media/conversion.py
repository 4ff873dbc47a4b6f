"""From decoded frames, whatever they are, to 8-bit RGB of one size and orientation."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import ColourDescription

from ..errors import InputError
from .acceptance import (
    alpha_is_in_pixels,
    bits_per_sample,
    check_size,
    has_alpha,
    hdr_name,
    refuse_transparency,
    refuse_unsupported,
)
from .colour import SDR, RgbReader, describe
from .dithering import dithered
from .frames import RgbArray
from .options import Rgb, SourceOptions
from .orientation import orientation, side_data_of
from .tone_mapping import USUAL_PEAK, ToneMapper


class FrameConverter:
    """Converts the frames of one video to RGB.

    The first frame says what all of them become: ``width`` × ``height`` px, ``colour`` (see
    ``describe``), ``rotation`` and ``is_mirrored`` (see ``orientation``).  Each frame is converted
    by its own tags of matrix and range; one that differs in size or rotation is turned and scaled
    to the first one's.  More than 8 bits are dithered, HDR is tone-mapped and alpha flattened where
    ``options`` say so: ``colour`` is then that of the result, and ``conversions`` says what is
    done, a line each.  ``notes`` has these and a line for every kind of change that was met.

    Raises ``UnsupportedInputError`` for what would be lost, and ``InputError`` for a size that the
    format cannot hold or, with ``options.strict``, one that changes.
    """

    def __init__(
        self,
        path: Path,
        first: av.VideoFrame,
        codec_name: str,
        options: SourceOptions,
        *,
        alpha_beside: bool,
    ) -> None:
        self._path, self._codec_name, self._options = path, codec_name, options
        self.width, self.height = first.width, first.height
        self.colour = describe(first, codec_name)
        self._source_colour = self.colour
        refuse_unsupported(
            path, first, self.colour, options, codec_name=codec_name, alpha_beside=alpha_beside
        )
        check_size(path, self.width, self.height)
        self.rotation, self.is_mirrored = orientation(first)
        self._readers: dict[tuple[ColourDescription, int], RgbReader] = {}
        self._mappers: dict[tuple[int, float], ToneMapper] = {}
        self._changes: dict[str, str] = {}
        self._conversions: dict[str, str] = {}
        self._expect(first)
        if "hdr" in self._conversions:
            self.colour = SDR

    @property
    def conversions(self) -> list[str]:
        """What is done to the pictures, a line each."""
        return list(self._conversions.values())

    @property
    def notes(self) -> list[str]:
        """What is done to the pictures, and what changes in the middle, a line each."""
        return self.conversions + list(self._changes.values())

    def check(self, frame: av.VideoFrame, number: int) -> None:
        """Raise for a later frame, the one after ``number`` others, that cannot be converted, and
        take note of what changes with it.
        """
        if (frame.width, frame.height) != (self.width, self.height):
            change = (
                f"the frame size changes from {self.width}×{self.height} to"
                f" {frame.width}×{frame.height} after frame {number}"
            )
            if self._options.strict:
                raise InputError(f"{self._path}: {change}: split the video there")
            check_size(self._path, frame.width, frame.height)
            self._changes.setdefault("size", f"{change}: all are scaled to the first size")
        colour = describe(frame, self._codec_name)
        refuse_unsupported(
            self._path,
            frame,
            colour,
            self._options,
            codec_name=self._codec_name,
            alpha_beside=False,
        )
        self._expect(frame)
        first = self._source_colour
        if (colour.matrix, colour.full_range) != (first.matrix, first.full_range):
            self._changes.setdefault(
                "colour",
                f"colour matrix or range changes after frame {number}: every frame is converted by"
                " its own",
            )
        if orientation(frame) != (self.rotation, self.is_mirrored):
            self._changes.setdefault(
                "rotation",
                f"the rotation changes after frame {number}: later frames are turned",
            )

    def __call__(self, frame: av.VideoFrame) -> RgbArray:
        """uint8 height × width × 3."""
        rgb = self._rgb(frame)
        rotation, is_mirrored = orientation(frame)
        if is_mirrored:
            rgb = rgb[:, ::-1]
        turns = (rotation - self.rotation) // 90 % 4
        if turns:
            rgb = np.rot90(rgb, turns)
        rgb = np.ascontiguousarray(rgb)
        if rgb.shape[:2] != (self.height, self.width):
            is_smaller = rgb.shape[0] * rgb.shape[1] > self.width * self.height
            rgb = np.asarray(
                cv2.resize(
                    rgb,
                    (self.width, self.height),
                    interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC,
                ),
                dtype=np.uint8,
            )
        return rgb

    def _expect(self, frame: av.VideoFrame) -> None:
        """Take note of what is done to a frame."""
        bits, hdr = bits_per_sample(frame), hdr_name(frame)
        if bits > 8 and "bits" not in self._conversions:
            self._conversions["bits"] = f"{bits} bits per sample are dithered to 8"
        if hdr and "hdr" not in self._conversions:
            peak = self._mapper(frame).peak
            self._conversions["hdr"] = (
                f"HDR ({hdr}, up to {peak:.0f} cd/m²) is tone-mapped to SDR (BT.709)"
            )
        if has_alpha(frame) and not alpha_is_in_pixels(frame, self._codec_name):
            self._expect_alpha()

    def _expect_alpha(self) -> None:
        colour = "".join(f"{value:02x}" for value in self._options.background or ())
        self._conversions["alpha"] = f"alpha is flattened onto #{colour}"

    def _rgb(self, frame: av.VideoFrame) -> RgbArray:
        reader = self._reader(frame)
        is_deep, in_pixels = (
            bits_per_sample(frame) > 8,
            alpha_is_in_pixels(frame, self._codec_name),
        )
        if not (is_deep or in_pixels or has_alpha(frame) or hdr_name(frame)):
            return reader(frame)
        if not (in_pixels or has_alpha(frame)):
            return self._shallow(frame, reader(frame, "rgb48le" if is_deep else "rgb24"))
        rgba = reader(frame, "rgba64le" if is_deep else "rgba")
        rgb, alpha = self._shallow(frame, rgba[..., :3]), rgba[..., 3]
        if self._options.background is None:
            refuse_transparency(self._path, alpha)
        elif alpha.min() < np.iinfo(alpha.dtype).max:
            self._expect_alpha()
            return flattened(rgb, alpha, self._options.background)
        return np.ascontiguousarray(rgb)

    def _shallow(
        self, frame: av.VideoFrame, samples: npt.NDArray[np.uint8 | np.uint16]
    ) -> RgbArray:
        """SDR in 8 bits of what a frame became."""
        if hdr_name(frame):
            deep = samples.astype(np.uint16)
            deep = deep if samples.dtype == np.uint16 else deep * np.uint16(257)
            return dithered(self._mapper(frame)(deep))
        if samples.dtype == np.uint16:
            return dithered(samples.astype(np.uint16))
        return samples.astype(np.uint8)

    def _mapper(self, frame: av.VideoFrame) -> ToneMapper:
        key = int(frame.color_trc), _peak(frame)
        if key not in self._mappers:
            self._mappers[key] = ToneMapper(*key)
        return self._mappers[key]

    def _reader(self, frame: av.VideoFrame) -> RgbReader:
        # A source that names no matrix is read by its height: that of the first frame, for all.
        key = describe(frame, self._codec_name), self.height
        if key not in self._readers:
            self._readers[key] = RgbReader(*key)
        return self._readers[key]


def flattened(rgb: RgbArray, alpha: npt.NDArray[np.unsignedinteger], background: Rgb) -> RgbArray:
    """A picture over one colour: uint8 height × width × 3, alpha height × width of its whole
    range.
    """
    share = (alpha / np.float32(np.iinfo(alpha.dtype).max))[..., None].astype(np.float32)
    mixed = rgb * share + np.array(background, dtype=np.float32) * (1 - share)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _peak(frame: av.VideoFrame) -> float:
    """cd/m² of the brightest pixel, as the source states it (CTA-861.3), or the usual."""
    level = side_data_of(frame, "CONTENT_LIGHT_LEVEL")
    most = int.from_bytes(level[:4], sys.byteorder) if level else 0
    return float(most) if most else USUAL_PEAK
