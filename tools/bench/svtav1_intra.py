"""A picture as SVT-AV1 codes it alone, through PyAV."""

from __future__ import annotations

import io
import os
from fractions import Fraction

import numpy as np

os.environ.setdefault("SVT_LOG", "1")  # errors only
import av

PRESET = "5"


def code_picture(rgb: np.ndarray, crf: int) -> tuple[int, np.ndarray]:
    """Bytes of the packets, and RGB decoded from them, for RGB uint8 (H, W, 3)."""
    height, width = rgb.shape[:2]
    options = {"crf": str(crf), "preset": PRESET, "svtav1-params": "avif=1"}
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ivf") as output:
        stream = output.add_stream("libsvtav1", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, 25)
        stream.codec_context.colorspace, stream.codec_context.color_range = 5, 1
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=5, dst_color_range=1
        )
        frame.pts = 0
        packets = [*stream.encode(frame), *stream.encode(None)]
        size = sum(p.size for p in packets)
        for packet in packets:
            output.mux(packet)
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        decoded = (
            next(container.decode(video=0))
            .reformat(format="rgb24", src_colorspace=5, src_color_range=1)
            .to_ndarray()
        )
    return size, decoded
