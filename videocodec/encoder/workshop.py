"""Who codes the chunks of an encode, and where they are kept until the file is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bitstream.sequence_header import SequenceHeader

from ..errors import InputError
from ..models.bundle import ModelBundle
from .chunk_store import ChunkStore, manifest
from .request import EncodeRequest
from .workers import start_workers
from .workplace import Workers, Workplace

_LATENT_MEMORY = 256 << 20  # bytes a process may keep for the later passes of rate control


@contextmanager
def workshop(
    request: EncodeRequest, bundle: ModelBundle, header: SequenceHeader
) -> Iterator[tuple[Workers, ChunkStore]]:
    """Who codes the chunks, and where they are kept."""
    workplace = Workplace(
        request.source,
        request.max_frames,
        bundle,
        header,
        request.device,
        request.threads,
        _LATENT_MEMORY if request.goal.is_rated else 0,
        request.perceptual,
        request.options,
    )
    contents = manifest(request.source, request.settings, bundle.sha256, **request.identity())
    # Workers first: in a script that forgot its guard they fail, before a second copy of the
    # script lays hands on the folder.
    with (
        start_workers(workplace, request.jobs, request.executor) as workers,
        ChunkStore(request.target, contents, resume=request.resume) as store,
        _kept(store),
    ):
        yield workers, store


@contextmanager
def _kept(store: ChunkStore) -> Iterator[None]:
    """Says with what goes wrong that there is something to resume."""
    try:
        yield
    except InputError:
        store.discard()  # whatever mends the source makes another of it
        raise
    except BaseException as error:
        if store.finished:
            error.add_note(f"finished parts are kept in {store.folder}: --resume goes on with them")
        raise
