"""Kernels are there before anything is measured: while they are loaded, memory is taken."""

from __future__ import annotations

import pytest

from bitstream.v2.compiled import await_kernels


@pytest.fixture(scope="session", autouse=True)
def _kernels() -> None:
    await_kernels()
