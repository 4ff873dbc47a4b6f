"""Opening, sharing, copying and closing of a reader: who holds which core."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from ..decoder.index import StreamIndex
from ..errors import ReaderClosedError
from ..restoration.settings import RestorationSettings
from .core import ReaderCore
from .opening import Opening
from .pictures import PictureSource


class ReaderHandle:
    """One user of a ``ReaderCore``, under one choice of restoration."""

    _closed = True

    def _join(self, core: ReaderCore, settings: RestorationSettings, conceal: bool) -> None:
        self._reopening = threading.Lock()
        self._use(core, settings, conceal)

    def _use(self, core: ReaderCore, settings: RestorationSettings, conceal: bool) -> None:
        core.open(id(self))
        try:
            core.networks.check(settings)
        except BaseException:
            core.close(id(self))
            raise
        self._core, self._settings, self._conceal, self._closed = core, settings, conceal, False
        shared = core.latents, core.networks, core.cache
        self._pictures = PictureSource(*shared, settings, conceal=conceal)

    @classmethod
    def _joined(cls, core: ReaderCore, settings: RestorationSettings, conceal: bool) -> Self:
        """One more user of a core."""
        reader = object.__new__(cls)
        reader._join(core, settings, conceal)
        return reader

    @classmethod
    def _opened(cls, opening: Opening, settings: RestorationSettings, conceal: bool) -> Self:
        """A reader that was pickled or copied."""
        return cls._joined(ReaderCore(opening), settings, conceal)

    @property
    def index(self) -> StreamIndex:
        """Access units and times of all frames, without decoding; there after ``close``, too."""
        return self._core.index

    @property
    def needs_pytorch(self) -> bool:
        """Whether pictures are made in PyTorch, rather than exact ones by the stream's own loop."""
        return not self._core.networks.are_exact(self._settings)

    def __len__(self) -> int:
        return len(self.index)

    def close(self) -> None:
        """Let go of the file and all that was kept.  May be called more than once."""
        if not self._closed:
            self._closed = True
            if not self._core.is_inherited:
                self._core.close(id(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        self._check_open()
        opening = self._core.opening
        if opening.reopenable is None:
            raise TypeError(
                f"{self.index.name}: a reader of a file object cannot be pickled or copied: open it"
                " by its path or from bytes"
            )
        return type(self)._opened, (opening.reopenable, self._settings, self._conceal)

    def _check_open(self) -> None:
        """Raise unless it is open; in a child made by ``fork``, open it there."""
        if self._closed:
            raise ReaderClosedError(
                f"{self.index.name}: this reader is closed (it had {len(self)} frames): open"
                " another"
            )
        if self._core.is_inherited:
            with self._reopening:
                if self._core.is_inherited:
                    self._use(self._core.reopened(), self._settings, self._conceal)
