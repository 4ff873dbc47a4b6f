"""The files of a model, and boxes of attached models as any writer may write them."""

import hashlib
from collections.abc import Sequence

from bitstream.container.boxes import ATTACHED_MODEL_BOX

SAFETENSORS = (2).to_bytes(8, "little") + b"{}" + b"\1\2\3\4"
UNITS = 8
FILES = {
    "codec/tables.safetensors": SAFETENSORS,
    "model_index.json": b"{}",
    "vae/config.json": b'{"a": 1}',
}
UPSCALER = {
    "upscaler/config.json": b'{"b": 1}',
    "upscaler/diffusion_pytorch_model.safetensors": SAFETENSORS + b"\5",
}

POST_FILTER = {"post_filter/post_filter.safetensors": SAFETENSORS + b"\6"}


def identity(files: dict[str, bytes]) -> str:
    """By the words of FORMAT.md."""
    return hashlib.sha256(
        b"".join(f"{name}\0{len(data)}\0".encode() + data for name, data in sorted(files.items()))
    ).hexdigest()


def directory(entries: Sequence[tuple[str, int]], version: int = 1) -> bytes:
    """The list of files, as a hostile writer may write it."""
    body = b"".join(
        bytes([len(name)]) + name.encode() + size.to_bytes(8, "big") for name, size in entries
    )
    return bytes([version]) + len(entries).to_bytes(2, "big") + body


def box_of(content: bytes, size: int | None = None) -> bytes:
    """The box around a content; ``size``: what its header says instead of the truth."""
    return (
        b"\0\0\0\1"
        + ATTACHED_MODEL_BOX
        + (16 + len(content) if size is None else size).to_bytes(8, "big")
        + content
    )


def hostile(files: dict[str, bytes]) -> bytes:
    """A box that is right in all but its files."""
    return box_of(
        directory([(name, len(data)) for name, data in files.items()]) + b"".join(files.values())
    )


def with_upscaler(files: dict[str, bytes], upscaler: dict[str, bytes] = UPSCALER) -> bytes:
    """A box of version 2: files of a model and of the network for twice the size."""
    return with_helpers(files, upscaler, version=2)


def with_helpers(files: dict[str, bytes], *helpers: dict[str, bytes], version: int = 3) -> bytes:
    """A box: files of a model and of networks beside its identity, in the order of their names."""
    every = sorted(
        {name: data for part in (files, *helpers) for name, data in part.items()}.items()
    )
    listed = directory([(name, len(data)) for name, data in every], version)
    hashes = b"".join(bytes.fromhex(identity(helper)) for helper in helpers)
    return box_of(listed + hashes + b"".join(data for _, data in every))
