"""By what networks of integer layers are carried out: kernels once they are there, NumPy else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import compiled
from .integer_layers import IntegerLayer
from .loop_arithmetic import Arithmetic, PlaneArithmetic


class ArithmeticChoice:
    """For one set of layers, by their names; curves: the activation of every block."""

    def __init__(
        self, layers: Mapping[str, IntegerLayer], curves: Mapping[str, npt.NDArray[np.float32]]
    ) -> None:
        self._layers, self._curves = layers, curves
        self._planes = PlaneArithmetic(layers, curves)
        self._compiled: Arithmetic | None = None

    def begin(self) -> Arithmetic:
        """What does the steps of one network."""
        return self._chosen().begin()

    def _chosen(self) -> Arithmetic:
        """Compiled, once there are kernels, where they can do it."""
        kernels = compiled.kernels()
        if kernels is not None and self._compiled is None:
            self._compiled = self._planes
            by = kernels.arithmetic
            if by is not None and by.can_do(self._layers):
                self._compiled = by.CompiledArithmetic(self._layers, self._curves)
        return self._planes if kernels is None else self._compiled

    def __getstate__(self) -> dict[str, Any]:
        """For pickling: without what follows from the rest."""
        return vars(self) | {"_compiled": None}
