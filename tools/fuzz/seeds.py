"""The inputs that fuzzing begins with: small and valid ones of every kind."""

from __future__ import annotations

import json
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container import Caption, StreamWriter, captions_box
from bitstream.group_structure import Structure
from bitstream.model_identity import model_sha256
from bitstream.sequence_header import ColourDescription, SequenceHeader
from tests.bitstream.synthetic import UnitPlan, make_stream, synthetic_header, synthetic_tables

from .stream import FRAME_COUNTS, GRIDS

_CAPTIONS = (
    Caption(Fraction(-1, 2), "a street"),
    Caption(Fraction(0), "die Straße, sonnig ☀"),
    Caption(Fraction(7, 2), "x" * 40),
)


def header() -> SequenceHeader:
    """One without a default."""
    return SequenceHeader(
        format_version=1,
        width=1920,
        height=1080,
        colour=ColourDescription(1, 13, 6, True),
        sample_aspect_ratio=Fraction(4, 3),
        rotation=1,
        time_base=Fraction(1001, 30000),
        frame_rate=Fraction(30000, 1001),
        latent_channels=16,
        block_log2=3,
        crf=28,
        gop_size=250,
        preset=9,
        model_name="modèle",
        model_sha256="5e" * 32,
        generated_content=True,
    )


def headers() -> list[bytes]:
    """Two headers."""
    return [header().to_bytes(), synthetic_header(64, 48).to_bytes()]


def units() -> list[bytes]:
    """Access units of every structure, without their checksums."""
    streams = [
        AccessUnit(Structure.KEYFRAME, header(), -70000, (1,), (40,), 7, b"payload."),
        AccessUnit(Structure.CHAIN, None, 1 << 61, (1 << 40, 1, 300), (127, 0, 64), 7, b""),
        AccessUnit(Structure.HIERARCHY, None, 5, (1,) * 16, (30,) * 16, 7, bytes(8)),
    ]
    return [unit.to_bytes()[:-4] for unit in streams]


def payloads() -> list[bytes]:
    """Real payloads, after the bytes that say what their headers would (``stream.Payload``)."""
    tables, out = synthetic_tables(), []
    for grid, code, structure in (
        (0, 0, Structure.CHAIN),
        (1, 2, Structure.HIERARCHY),
        (2, 1, Structure.CHAIN),
        (3, 3, Structure.HIERARCHY),
    ):
        (columns, rows), count = GRIDS[grid], FRAME_COUNTS[code]
        plans = (UnitPlan(Structure.KEYFRAME, (30,)), UnitPlan(structure, (30,) * count))
        key, group = (
            stream.unit.payload
            for stream in make_stream(
                tables, synthetic_header(8 * columns, 8 * rows, 0), plans, grid, 40
            )
        )
        first = bytes([grid, code | 8 * (structure == Structure.HIERARCHY), 30, 0, len(key) // 4])
        out.append(first + key + group)
    return out


def files() -> list[bytes]:
    """Latent-video files: one with a model attached, one with sound, one with captions, all with
    times that are not even.
    """
    coded = make_stream(
        synthetic_tables(),
        synthetic_header(16, 16),
        (
            UnitPlan(Structure.KEYFRAME, (30,)),
            UnitPlan(Structure.HIERARCHY, (40,) * 3, (1, 5, 2)),
            UnitPlan(Structure.KEYFRAME, (50,)),
        ),
        1,
        400,
    )
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        sound, target = Path(folder) / "sound.mp4", Path(folder) / "coded.mp4"
        with av.open(str(sound), "w") as container:
            stream = container.add_stream("aac", rate=8000, layout="mono")
            container.add_stream("libx264", rate=25, width=16, height=16)
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 2048), dtype=np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate = 8000
            container.mux(stream.encode(silence))
            container.mux(stream.encode(None))
            for packet in container.streams.video[0].encode(
                av.VideoFrame(16, 16, "yuv420p")
            ) + container.streams.video[0].encode(None):
                container.mux(packet)
        out = []
        for source in (None, sound):
            with StreamWriter(target, Fraction(1, 25), copy_from=source) as writer:
                for each in coded:
                    writer.write(each.unit.to_bytes(), each.unit.first_pts, each.unit.duration)
                writer.commit()
            out.append(target.read_bytes())
    out.append(out[0] + captions_box(_CAPTIONS))
    content = boxed()[0]
    out.append(out[0] + b"\0\0\0\1lvmd" + (16 + len(content)).to_bytes(8, "big") + content)
    return out


def cut_files() -> list[bytes]:
    """The same cut in the middle, without what stands before the access units, and these alone, the
    last one first.
    """
    seeds = files()
    keyframe = seeds[0].index(b"LVID") - 1
    last = seeds[0].rindex(b"LVID") - 1
    return [
        *seeds,
        seeds[1][: len(seeds[1]) * 3 // 4],
        seeds[0][keyframe:],
        seeds[0][last:] + bytes(7) + seeds[0][keyframe:last],
    ]


def boxed() -> list[bytes]:
    """Contents of an attached model's box, one of each version: a list of files, and these."""
    weights = (2).to_bytes(8, "little") + b"{}"
    files = {
        "codec/tables.safetensors": weights,
        "model_index.json": b"{}",
        "vae/config.json": b'{"a": 1}',
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors": weights + b"12",
    }
    upscaler = {
        "upscaler/config.json": b"{}",
        "upscaler/diffusion_pytorch_model.safetensors": weights,
    }
    post_filter = {"post_filter/post_filter.safetensors": weights}
    return [_box(1, files), _box(2, files, upscaler), _box(3, files, post_filter, upscaler)]


def _box(version: int, files: dict[str, bytes], *helpers: dict[str, bytes]) -> bytes:
    """helpers: in the order of their names; what is no part of the model's identity."""
    every = sorted(
        {name: data for part in (files, *helpers) for name, data in part.items()}.items()
    )
    listed = b"".join(
        bytes([len(name)]) + name.encode() + len(data).to_bytes(8, "big") for name, data in every
    )
    hashes = b"".join(
        bytes.fromhex(model_sha256((name, len(data), [data]) for name, data in helper.items()))
        for helper in helpers
    )
    head = bytes([version]) + len(every).to_bytes(2, "big")
    return head + listed + hashes + b"".join(data for _, data in every)


def caption_boxes() -> list[bytes]:
    """The content of boxes of captions."""
    return [captions_box(_CAPTIONS[:count])[8:] for count in (1, 3)]


def tables() -> list[bytes]:
    """Changes to good tables (``model.Tables``), and files whose headers have one tensor each."""
    files = []
    for kind, shape, begin, end in (
        ("I32", [3], 0, 12),
        ("BF16", [1], 0, 2),
        ("I8", [0, 1 << 60], 0, 0),
        ("F8_E4M3", [4], 0, 4),
    ):
        text = json.dumps(
            {"slices": {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}}
        ).encode()
        files.append(len(text).to_bytes(8, "little") + text + bytes(end))
    return [
        b"\1",
        bytes([1, 3, 8, 255, 255, 5]),
        bytes([1, 20, 3, 4, 250, 200, 9, 0, 1, 1, 1]),
        *files,
    ]


def configs() -> list[bytes]:
    """Configs of an autoencoder and of a list of shards."""
    return [
        (
            b'{"_class_name": "AutoencoderKL", "latent_channels": 4, "scaling_factor": 0.18215,'
            b' "shift_factor": null, "widths": [64]}'
        ),
        (
            b'{"metadata": {"total_size": 1}, "weight_map": {"a.weight":'
            b' "diffusion_pytorch_model-00001-of-00002.safetensors"}}'
        ),
        b'{"a": [[[1e400]]], "scaling_factor": -NaN, "shift_factor": Infinity}',
    ]
