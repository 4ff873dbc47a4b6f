"""Networks run without gradients."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield
