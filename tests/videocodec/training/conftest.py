"""What tests of training share: pictures, and one thread, with which sums are the same again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """PyTorch with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def picture_folder(
    tmp_path_factory: pytest.TempPathFactory, texture: Callable[..., np.ndarray]
) -> Path:
    """44 pictures of 96 px, three of them of 192 px."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(44):
        side = 192 if index % 20 == 0 else 96
        cv2.imwrite(str(folder / f"{index:02d}.png"), texture(side, side + index % 3, index))
    return folder
