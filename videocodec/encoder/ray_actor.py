"""A worker on Ray: source, model and weights are where the caller has them, or are sent."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..models.bundle import ModelBundle
from .chunk_coder import ChunkTask, CodedChunk
from .chunk_store import source_identity
from .request import weights_sha256
from .workplace import Workers, Workplace

SOURCE, MODEL, WEIGHTS = "source", "model", "weights"
Content = dict[str, bytes]  # of files, by their names in their folder


class Provisions:
    """What an encode needs at hand, on the machine that has it.

    identities: what tells each from another thing of that name.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self.identities = {SOURCE: _source(workplace.source), MODEL: workplace.bundle.sha256}
        if workplace.perceptual is not None:
            self.identities[WEIGHTS] = weights_sha256(workplace.perceptual)

    def content(self, name: str) -> Content:
        """All of it, for machines that do not see it."""
        workplace = self._workplace
        if name == MODEL:
            return {inside: path.read_bytes() for inside, path in workplace.bundle.files}
        path = workplace.source if name == SOURCE else workplace.perceptual
        return {} if path is None else {path.name: path.read_bytes()}


class RayActor:
    """Codes chunks in a process of its own, by a way of its own through the source."""

    def __init__(self, workplace: Workplace, threads: int, identities: Mapping[str, str]) -> None:
        self._workplace = replace(workplace, threads=threads)
        self._identities = identities
        self._folders: list[tempfile.TemporaryDirectory[str]] = []
        self._workers: Workers | None = None

    def lacks(self) -> list[str]:
        """The names of what is not where the caller has it."""
        return [name for name, wanted in self._identities.items() if not self._has(name, wanted)]

    def receive(self, name: str, content: Content) -> None:
        """Keep what was lacking as long as this process lives."""
        folder = tempfile.TemporaryDirectory(prefix="videocodec-ray-")
        self._folders.append(folder)
        root = Path(folder.name)
        for inside, data in content.items():
            path = root / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if name == MODEL:
            bundle = ModelBundle(self._workplace.bundle.name, root)
            self._workplace = replace(self._workplace, bundle=bundle)
        elif name == SOURCE:
            self._workplace = replace(self._workplace, source=root / next(iter(content)))
        else:
            self._workplace = replace(self._workplace, perceptual=root / next(iter(content)))

    def code(self, task: ChunkTask) -> tuple[CodedChunk, ...]:
        """A task's chunk by all its plans."""
        if self._workers is None:
            from .local_workers import LocalWorkers  # the networks' libraries

            self._workers = LocalWorkers(self._workplace)
        ((_, results),) = self._workers.run([task], lambda unit: None)
        return results

    def _has(self, name: str, identity: str) -> bool:
        workplace = self._workplace
        try:
            if name == SOURCE:
                return _source(workplace.source) == identity
            if name == MODEL:
                return workplace.bundle.sha256 == identity
            return (
                workplace.perceptual is not None
                and weights_sha256(workplace.perceptual) == identity
            )
        except (OSError, ValueError):
            return False


def _source(path: Path) -> str:
    """A file by its size and its ends: on another machine its time of change is another."""
    actual = source_identity(path)
    return f"{actual.bytes} {actual.sha256_of_ends}"
