"""What coders do by kernels, where there are some: the level layer, and adaptive tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..v1.adaptive_tables import TableSet
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from . import compiled
from .context_network import SliceNetwork

if TYPE_CHECKING:
    from .pass_coder import PassCoder


def update_tables(*table_sets: TableSet) -> None:
    """Bring all frequencies up to date with the counts."""
    kernels = compiled.kernels()
    renew = None if kernels is None else kernels.renew
    for tables in table_sets:
        tables.update(renew)


class KernelContexts:
    """The context networks of all slices for kernels, made when these want them first.

    inter: whether they are those of inter frames.  differences: the difference networks.
    """

    def __init__(
        self,
        networks: tuple[SliceNetwork, ...],
        *,
        inter: bool,
        differences: tuple[SliceNetwork, ...] = (),
    ) -> None:
        self._networks, self._inter, self._differences = networks, inter, differences
        self._compiled: Any = None

    def canvas(
        self,
        io: SymbolWriter | SymbolReader,
        passes: PassCoder,
        size: tuple[int, int],
        border: int,
    ) -> Any | None:
        """What codes passes (``compiled.levels.CompiledCanvas``) of a frame of ``size`` positions,
        with so many around it; None where NumPy has to.
        """
        kernels = compiled.kernels()
        if kernels is None or kernels.levels is None:
            return None
        if not isinstance(io, kernels.CompiledReader | SymbolWriter):
            return None
        if self._compiled is None:
            self._compiled = kernels.levels.CompiledContexts(
                self._networks, self._inter, self._differences
            )
        if not self._compiled.can_do:
            return None
        return kernels.levels.CompiledCanvas(self._compiled, passes, size, border)

    def __getstate__(self) -> dict[str, Any]:
        """For pickling: without what follows from the rest."""
        return vars(self) | {"_compiled": None}
