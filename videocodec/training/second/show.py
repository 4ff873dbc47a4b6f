"""Pictures beside what the second autoencoder makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ...errors import InputError
from ...networks.second.codec import SecondCodec
from ..pictures import to_tensor
from .run import AVERAGE_FILE, DECAYED_FILE

_STRIDE = 8  # px a latent


def newest_weights(folder: Path) -> Path:
    """Those of a run's release where there is one, else the average.  Raises ``InputError``."""
    for name in (DECAYED_FILE, AVERAGE_FILE):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: no weights: name the folder of a run")


@torch.no_grad()
def show(weights: Path, pictures: Sequence[Path], step: float, output: Path) -> list[float]:
    """Write a sheet with a row per picture, source and decoded → bits per pixel, estimated, of
    each.

    step: of the quantiser.  Raises ``InputError`` for a file that is no picture.
    """
    codec, rows, bits = SecondCodec(), [], []
    codec.load(weights)
    for file in pictures:
        picture = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
        if picture is None or min(picture.shape[:2]) < _STRIDE:
            raise InputError(f"{file}: no picture, or less than {_STRIDE} px a side")
        height, width = (side // _STRIDE * _STRIDE for side in picture.shape[:2])
        source = np.ascontiguousarray(picture[:height, :width])
        decoded, bpp = codec(to_tensor([source]), torch.tensor([step]))
        grey_levels = ((decoded[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).round().byte()
        rows.append(np.hstack([source, grey_levels.numpy()]))
        bits.append(float(bpp))
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows]
    cv2.imwrite(str(output), np.ascontiguousarray(np.vstack(padded)[:, :, ::-1]))
    return bits
