"""Raw YUV4MPEG2 (.y4m) into a file or onto standard output."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from bitstream.sequence_header import SequenceHeader

from ..errors import OutputError
from .colour import YuvWriter, stored_as
from .disclosure import Disclosure
from .frame_sink import FrameSink, OutputFile, output_errors

STANDARD_OUTPUT = "-"


class Y4mSink(FrameSink):
    """YUV4MPEG2: 4:2:0, or 4:4:4 when the width or height is odd.

    The matrix is the header's, as with mp4, though the format has no tag for it; the range is
    tagged. The format has no timestamps: uneven ones become one frame each at the header's rate
    (the first frame's duration when that is unknown). Rotation is left out, the sample aspect ratio
    is kept. On standard output nothing can be taken back on failure.
    """

    def __init__(
        self, target: str, header: SequenceHeader, *, disclosure: Disclosure | None, overwrite: bool
    ) -> None:
        super().__init__(header.width, header.height)
        self._header = header
        self._disclosure = disclosure
        self._colour = stored_as(header.colour, header.height)
        self._pixel_format = "yuv444p" if header.width % 2 or header.height % 2 else "yuv420p"
        self._convert = YuvWriter(self._colour, self._pixel_format)
        self._name = "standard output" if target == STANDARD_OUTPUT else target
        self._output: OutputFile | None = None
        self._started = False
        if target == STANDARD_OUTPUT:
            self._file: BinaryIO = sys.stdout.buffer
        else:
            self._output = OutputFile(Path(target), overwrite=overwrite)
            try:
                with output_errors(target):
                    self._file = self._output.beside.open("wb")
            except BaseException:
                self._output.remove()
                raise

    def write(self, rgb: np.ndarray, pts: int, duration: int) -> None:
        self._check(rgb)
        frame = self._convert(rgb)
        chunks = [] if self._started else [self._stream_header(duration)]
        self._started = True
        chunks += [b"FRAME\n", *(_plane_rows(frame, index) for index in range(3))]
        self._put(b"".join(chunks))

    def finish(self) -> None:
        if self._output is None:
            self._put(b"", flush=True)
            return
        with output_errors(self._name):
            self._file.close()

    def commit(self) -> None:
        self.finish()
        if self._output is None:
            return
        self._output.commit()
        self._output = None

    def close(self) -> None:
        if self._output is None:
            return
        with suppress(OSError):
            self._file.close()
        self._output.remove()
        self._output = None

    def _put(self, data: bytes, *, flush: bool = False) -> None:
        try:
            with output_errors(self._name):
                self._file.write(data)
                if flush:
                    self._file.flush()
        except OutputError as error:
            if not isinstance(error.__cause__, BrokenPipeError) or self._output is not None:
                raise
            # Python flushes standard output once more at its end, and would complain then.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise OutputError(
                "standard output was closed by the program that read it"
            ) from error.__cause__

    def _stream_header(self, duration: int) -> bytes:
        header = self._header
        rate = header.frame_rate or 1 / (header.time_base * max(1, duration))
        rate = Fraction(rate).limit_denominator(1_000_000)
        ratio = Fraction(header.sample_aspect_ratio)
        aspect = f"{ratio.numerator}:{ratio.denominator}" if ratio else "0:0"
        chroma = "C444" if self._pixel_format == "yuv444p" else "C420mpeg2"
        colour_range = "FULL" if self._colour.full_range else "LIMITED"
        line = (
            f"YUV4MPEG2 W{header.width} H{header.height} F{rate.numerator}:{rate.denominator} Ip"
            f" A{aspect} {chroma}"
        )
        line += f" XCOLORRANGE={colour_range}"
        if self._disclosure is not None:
            line = self._disclosure.extend_y4m(line)
        return f"{line}\n".encode("ascii")


def _plane_rows(frame: av.VideoFrame, index: int) -> bytes:
    """The samples of a plane without the padding at the end of its lines."""
    plane = frame.planes[index]
    rows = np.frombuffer(bytes(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].tobytes()
