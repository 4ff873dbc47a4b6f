"""Which files of a model may be attached to a latent-video file: their names, sizes and kinds, and
those that are no part of the model's identity (FORMAT.md, section 1.1).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..errors import AttachedModelError

MAX_FILES = 256
_MAX_SAFETENSORS_HEADER = 100_000_000  # bytes, as of the safetensors library

_NEEDED = ("codec/tables.safetensors", "vae/config.json")
_NETWORK_FILE = r"(vae|unet|motion_adapter)/diffusion_pytorch_model(-\d{5}-of-\d{5})?\.safetensors"
# What a name may look like, and the most bytes of such a file.
_ALLOWED = (
    (re.compile(r"model_index\.json"), 1 << 20),
    (re.compile(r"codec/tables\.safetensors"), 1 << 28),
    (re.compile(r"(vae|unet|motion_adapter)/config\.json"), 1 << 20),
    (
        re.compile(r"(vae|unet|motion_adapter)/diffusion_pytorch_model\.safetensors\.index\.json"),
        1 << 24,
    ),
    (re.compile(r"unet/conditioning\.safetensors"), 1 << 28),
    (re.compile(r"scheduler/scheduler_config\.json"), 1 << 20),
    (re.compile(_NETWORK_FILE), 1 << 40),
)


@dataclass(frozen=True)
class Helper:
    """A network that goes with a model and is no part of its identity, since nothing that is coded
    depends on it: with others of it, or without, the same files decode to the same latents.

    name: its folder in the bundle.
    called: what it is, in words.
    limits: its files by their names in the bundle, all of which it needs, and their most bytes.
    version: of the box, the first that may have it.
    """

    name: str
    called: str
    limits: Mapping[str, int]
    version: int


# In the order of their names, which is that of their hashes in the box.
HELPERS = (
    Helper("post_filter", "post-filter", {"post_filter/post_filter.safetensors": 1 << 22}, 3),
    Helper(
        "upscaler",
        "network for twice the size",
        {
            "upscaler/config.json": 1 << 20,
            "upscaler/diffusion_pytorch_model.safetensors": 1 << 26,
        },
        2,
    ),
)


def helpers_among(names: Iterable[str]) -> tuple[Helper, ...]:
    """Those of which there is a file."""
    given = set(names)
    return tuple(each for each in HELPERS if not given.isdisjoint(each.limits))


def box_version(helpers: Collection[Helper]) -> int:
    """Version of the box of a model with them: the first that may have them all."""
    return max((each.version for each in helpers), default=1)


def is_of_identity(name: str) -> bool:
    """Whether a file of a model is part of its identity."""
    return not helpers_among([name])


def check_attachable(files: Iterable[tuple[str, int]]) -> None:
    """Raise ``AttachedModelError`` unless files of those names and sizes may be attached."""
    names = set()
    for name, size in files:
        _check_file(name, size)
        names.add(name)
    if len(names) > MAX_FILES:
        raise AttachedModelError(f"it has {len(names)} files, may have {MAX_FILES}")
    of_helpers = (name for each in helpers_among(names) for name in each.limits)
    for name in (*_NEEDED, *of_helpers):
        if name not in names:
            raise AttachedModelError(f"it has no {name}")


def check_kind(name: str, size: int, begin: bytes) -> None:
    """Raise ``AttachedModelError`` unless a file begins, with nine bytes or all that it has, as its
    name says: a pickle under another name must not come further than here.
    """
    if name.endswith(".json"):
        is_right = begin[:1] == b"{"
    else:
        header = int.from_bytes(begin[:8], "little")
        is_right = begin[8:9] == b"{" and header <= min(_MAX_SAFETENSORS_HEADER, size - 8)
    if not is_right:
        kind = "JSON" if name.endswith(".json") else "safetensors"
        raise AttachedModelError(f"{name} is no {kind} file")


def _check_file(name: str, size: int) -> None:
    limit = next((limit for pattern, limit in _ALLOWED if pattern.fullmatch(name)), None)
    for helper in helpers_among([name]):
        limit = helper.limits[name]
    if limit is None:
        raise AttachedModelError(f"{name[:100]!r} is no file of a model")
    if size > limit:
        raise AttachedModelError(f"{name} has {size} bytes, at most {limit} are allowed")
