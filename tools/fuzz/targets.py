"""All targets by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import file, model, mp4, second, seeds, source, source_seeds, stream


@dataclass(frozen=True)
class Target:
    """make: gives what runs on one input, and raises for whatever is no named error.  longest:
    bytes of an input.  words: what inputs are likely to hold.  mutate: (data, longest, seed) →
    other data, where flipping bytes alone would come nowhere.
    """

    about: str
    make: Callable[[], Callable[[bytes], None]]
    seeds: Callable[[], list[bytes]]
    longest: int
    words: tuple[bytes, ...] = ()
    mutate: Callable[[bytes, int, int], bytes] | None = None


_NAMES = (
    b"codec/tables.safetensors",
    b"model_index.json",
    b"vae/config.json",
    b"unet/",
    b"upscaler/",
    b"post_filter/post_filter.safetensors",
    b"motion_adapter/",
    b"scheduler/scheduler_config.json",
    b"diffusion_pytorch_model",
    b"-00001-of-00002.safetensors",
    b".safetensors.index.json",
    b"../",
    b"\0\0\0\0\0\0\0\2{}",
)

_TENSORS = (
    b"slices",
    b"latent_scale",
    b"timesteps",
    b"__metadata__",
    b'"dtype":',
    b'"shape":',
    b'"data_offsets":',
    b"BF16",
    b"F64",
    b"U64",
    b"BOOL",
)
_KEYS = (
    b"scaling_factor",
    b"shift_factor",
    b"weight_map",
    b"[[[[[[[[",
    b'{"a":',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 40,
    b"\\ud800",
    b"null",
)

TARGETS = {
    "header": Target("sequence header", lambda: stream.header, seeds.headers, 160, (b"LVID",)),
    "unit": Target(
        "access unit: structure, header, times, quantisers",
        lambda: stream.unit,
        seeds.units,
        400,
        (b"LVID",),
    ),
    "payload": Target(
        "entropy-coded payload: block layer, level layer, reconstruction",
        stream.Payload,
        seeds.payloads,
        1200,
    ),
    "payload-2": Target(
        "entropy-coded payload of format version 2",
        second.SecondPayload,
        second.payloads,
        600,
    ),
    "container": Target(
        "MP4 file: boxes, tracks, index, metadata",
        lambda: file.container,
        seeds.files,
        6000,
        mutate=mp4.mutate,
    ),
    "repair": Target(
        "file to be repaired: search by checksums",
        lambda: file.repair,
        seeds.cut_files,
        6000,
        (b"LVID",),
        mp4.mutate,
    ),
    "attached": Target(
        "box of an attached model", lambda: file.attached, seeds.boxed, 1000, _NAMES
    ),
    "captions": Target(
        "box of captions", lambda: file.captions, seeds.caption_boxes, 400, (b"\1\0\1",)
    ),
    "tables": Target(
        "codec tables of a bundle (safetensors)", model.Tables, seeds.tables, 600, _TENSORS
    ),
    "tables-2": Target(
        "codec tables of format version 2",
        second.changed_tables,
        second.tables,
        41,
    ),
    "config": Target(
        "config.json of a network, and its list of shards", model.Config, seeds.configs, 2000, _KEYS
    ),
    "pictures": Target(
        "HEIF source: items, grids, alpha, orientation",
        lambda: source.pictures,
        source_seeds.heif_files,
        2000,
        mutate=mp4.mutate,
    ),
    "labels": Target(
        "tags, chapters and subtitles of a source",
        lambda: source.labels,
        source_seeds.label_texts,
        400,
    ),
}
