"""A model bundle that travels with a file: attached when it is encoded, unpacked where the model is
not installed.  No torch here.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bitstream.container import AttachedModel, SharedFile, StreamReader, check_attachable
from bitstream.errors import AttachedModelError
from bitstream.v1.tables import TablesError

from ..errors import UnknownModelError
from .bundle import ModelBundle
from .files import helper_files

_SHOWN = 16  # hex digits of a hash
_PREFIX = "videocodec-model-"  # of temporary folders


def attachable_files(bundle: ModelBundle) -> list[tuple[str, Path]]:
    """Names and places of the files of a bundle, its post-filter's and those of its network for
    twice the size among them, checked to be such as may be attached.

    Raises ``UnknownModelError``.
    """
    files = [*bundle.files, *helper_files(bundle.folder).items()]
    try:
        check_attachable((name, path.stat().st_size) for name, path in files)
    except AttachedModelError as error:
        raise UnknownModelError(
            f"{bundle.folder}: cannot be attached: {error}: calibrate the model again, or encode"
            " without"
        ) from error
    return files


def checked_model(reader: StreamReader) -> AttachedModel | None:
    """The model that is attached to a file, None if there is none.

    Raises ``AttachedModelError`` unless it is the stream's own.
    """
    attached = reader.attached_model()
    if attached is not None and (sha256 := attached.sha256) != reader.header.model_sha256:
        raise AttachedModelError(
            f"it is {sha256[:_SHOWN]}…, the stream needs {reader.header.model_sha256[:_SHOWN]}…"
        )
    return attached


def damage_of_attached(reader: StreamReader, *, headers_only: bool = False) -> str | None:
    """What is wrong with the model that is attached to a file, in words; None if nothing is, or if
    there is none.  headers_only: without its hashes, which take a look at every byte.
    """
    try:
        attached = reader.attached_model() if headers_only else checked_model(reader)
        damaged = () if attached is None or headers_only else attached.damaged_helpers
    except AttachedModelError as error:
        return str(error)
    lines = [f"its {each.called} is not the one that was attached" for each in damaged]
    return "; ".join(lines) or None


def attached_helpers(reader: StreamReader) -> frozenset[str]:
    """Folders of the networks that are attached with a model and no part of its identity, damaged
    or not; none of a model that is damaged otherwise.
    """
    try:
        attached = reader.attached_model()
    except AttachedModelError:
        return frozenset()
    return frozenset() if attached is None else frozenset(each.name for each in attached.helpers)


def attached_bundle(reader: StreamReader) -> ModelBundle | None:
    """The model that is attached to a file, unpacked, None if there is none.

    Its files lie in a folder of their own among the temporary ones, which is removed with the
    bundle, or at the end of the program. Raises ``AttachedModelError`` unless it is the stream's
    own, before anything is written; ``OSError`` if there is no room for it.
    """
    attached = checked_model(reader)
    if attached is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # which nobody else may read or write
    try:
        attached.extract(folder)
        bundle = ModelBundle(reader.header.model_name, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(bundle, shutil.rmtree, folder, ignore_errors=True)
    return bundle


@contextmanager
def errors_of(bundle: ModelBundle, path: str | Path | SharedFile) -> Iterator[None]:
    """Errors about an attached bundle name the file that it came with, not the temporary folder, of
    which nobody knows and which goes.
    """
    try:
        yield
    except (UnknownModelError, TablesError) as error:
        if not bundle.folder.name.startswith(_PREFIX):
            raise
        reason = (
            str(error)
            .removeprefix(str(bundle.folder))
            .replace(str(bundle.folder), "it")
            .lstrip("/\\: ")
        )
        raise type(error)(f"{path}: the model attached to it cannot be used: {reason}") from error
