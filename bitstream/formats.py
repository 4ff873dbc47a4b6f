"""The versions of the format, and what each brings: coder, tables, memory formula.

This is the only module that knows which versions there are.  Everything else asks ``format_of``
with the version that a stream's header or a model's tables name.  docs/format-versions.md says how
a version is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from .coder import Coder, Tables
from .errors import UnsupportedVersionError
from .v1.frame_coder import FrameCoder
from .v1.memory import decoding_bytes
from .v1.prediction import MotionTables
from .v1.tables import TENSOR_ERRORS, CodecTables, TablesError
from .v2.frame_coder import FrameCoder as SecondCoder
from .v2.loop_networks import LoopNetworks
from .v2.memory import decoding_bytes as second_decoding_bytes
from .v2.moved_pictures import FRACTION_BITS
from .v2.tables import LevelTables

if TYPE_CHECKING:
    from .sequence_header import SequenceHeader


@dataclass(frozen=True)
class Format:
    """What one version of the format brings.

    version: as the sequence header stores it.
    is_frozen: what its bytes mean never changes.  That of a draft may change any day: only models
    that somebody chooses by name write it.
    specification: the document that specifies it, from the root of the repository.
    load_tables: reads a model's ``codec/tables.safetensors``; raises ``TablesError``.
    vector_fraction_bits: of motion vectors, beyond whole pixels.
    moves_pictures: motion compensation moves decoded pictures, not latents; the integer networks
    that make these make exact pictures for showing, too.
    has_local_quantisers: squares of 64 px may have quantisers of their own.
    state_parts: tables → what the states of all coders have in common; raises ``TablesError`` where
    they have nothing for inter frames.
    new_coder: tables and header of a stream → the state that a keyframe begins with.
    decoding_bytes: header and frames of an access unit, and the model's tables, where they are
    known → the most bytes that decoding it takes.
    """

    version: int
    is_frozen: bool
    specification: str
    load_tables: Callable[[str | Path], CodecTables | LevelTables]
    vector_fraction_bits: int
    moves_pictures: bool
    has_local_quantisers: bool
    state_parts: Callable[[Any], tuple[object, ...]]
    new_coder: Callable[[Any, SequenceHeader], Coder]
    decoding_bytes: Callable[[SequenceHeader, int, Any], int]


def _all_of_them(tables: CodecTables) -> tuple[object, ...]:
    return (tables,)


def _inter_parts(tables: LevelTables) -> tuple[object, ...]:
    if tables.inter is None:
        raise TablesError("the tables of format version 2 are for keyframes alone")
    return tables, tables.inter, tables.inter.loop


FORMATS = {
    1: Format(
        version=1,
        is_frozen=True,
        specification="bitstream/FORMAT.md",
        load_tables=CodecTables.load,
        vector_fraction_bits=0,
        moves_pictures=False,
        has_local_quantisers=False,
        state_parts=_all_of_them,
        new_coder=FrameCoder.for_header,
        decoding_bytes=lambda header, frame_count, _: decoding_bytes(header, frame_count),
    ),
    2: Format(
        version=2,
        is_frozen=True,
        specification="bitstream/FORMAT-2.md",
        load_tables=LevelTables.load,
        vector_fraction_bits=FRACTION_BITS,
        moves_pictures=True,
        has_local_quantisers=True,
        state_parts=_inter_parts,
        new_coder=SecondCoder.for_header,
        decoding_bytes=second_decoding_bytes,
    ),
}


def load_tables(path: str | Path) -> CodecTables | LevelTables:
    """Read the ``codec/tables.safetensors`` of a model, of whatever version it is.

    The file names its version in its metadata, as ``format_version``; those of version 1 need not.
    Raises ``TablesError``, or ``UnsupportedVersionError`` for a version newer than this program.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            named = (file.metadata() or {}).get("format_version", "1")
    except (OSError, *TENSOR_ERRORS) as error:
        raise TablesError(f"{path}: codec tables cannot be read ({error})") from error
    if not (named.isascii() and named.isdecimal() and len(named) <= 3):
        raise TablesError(f"{path}: format_version must be a whole number, is {named[:20]!r}")
    return format_of(int(named)).load_tables(path)


def state_parts(tables: Tables) -> tuple[object, ...]:
    """What the states of all coders of a model have in common.  Raises ``TablesError`` for tables
    of keyframes alone.
    """
    return format_of(tables.format_version).state_parts(tables)


def motion_tables(tables: Tables) -> MotionTables:
    """The phase filters that move latents.  Raises ``TablesError`` for models that have none, which
    move pictures.
    """
    if isinstance(tables, CodecTables):
        return tables
    raise TablesError(
        f"models of format version {tables.format_version} have no filters that move latents"
    )


def loop_networks(tables: Tables) -> LoopNetworks | None:
    """The integer networks that make pictures inside the loop; None for models without."""
    return tables.inter.loop if isinstance(tables, LevelTables) and tables.inter else None


def format_of(version: int) -> Format:
    """The format of that version.  Raises ``UnsupportedVersionError`` where there is none."""
    try:
        return FORMATS[version]
    except KeyError:
        raise UnsupportedVersionError(
            f"format version {version} is not one of those this program knows"
            f" ({', '.join(map(str, sorted(FORMATS)))}): upgrade videocodec"
        ) from None
