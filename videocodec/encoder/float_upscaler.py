"""The network for twice the size in NumPy: ``networks.upscaling.PictureUpscaler`` without PyTorch,
for trials that look at a few pictures.

Planes are (C, h, w) float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..models.files import UPSCALER_WEIGHTS, upscaler_folder
from ..models.network_files import class_name

Plane = npt.NDArray[np.float32]

_CLASS = "PictureUpscaler"
# As of the network.
_SCALE, _PATCH, _POSITIONS, _STEP_SCALE = 2, 2, 4, np.float32(0.5)
_INPUTS, _OUTPUTS = 3 * _PATCH**2 + 1, 3 * (_SCALE * _PATCH) ** 2
_MIDDLE = np.float32(127.5)  # grey level of 0


class FloatUpscaler:
    """weights: by their names in the file; blocks: residual ones."""

    def __init__(self, weights: Mapping[str, Plane], blocks: int) -> None:
        self._blocks = blocks
        # By place in the window first, so that every product is of what lies together.
        self._weights = {
            name: np.ascontiguousarray(value.transpose(2, 3, 0, 1) if value.ndim > 1 else value)
            for name, value in weights.items()
        }

    @classmethod
    def of(cls, folder: Path) -> FloatUpscaler | None:
        """That of the bundle in a folder; None where there is none, or none of this kind: what is
        wrong with it ``models.upscaling`` says.
        """
        part = upscaler_folder(folder)
        if part is None or class_name(part) != _CLASS:
            return None
        try:
            with safe_open(str(part / UPSCALER_WEIGHTS), framework="numpy") as tensors:
                weights = {
                    name: tensors.get_tensor(name).astype(np.float32)
                    for name in tensors.keys()  # noqa: SIM118  # it is no mapping
                }
        except (OSError, SafetensorError):
            return None
        blocks = sum(name.startswith("body.") for name in weights) // 4
        found = {name: value.shape for name, value in weights.items()}
        width = found.get("stem.bias", (0,))[0]
        return cls(weights, blocks) if found == _shapes(width, blocks) else None

    def picture(
        self, decoded: npt.NDArray[np.uint8], steps: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        """As ``models.upscaling.Upscaling``, within rounding: a decoded picture (H, W, 3) and the
        quantiser step of every latent position, at least (⌈H/8⌉, ⌈W/8⌉) → (2H, 2W, 3) uint8 RGB.
        """
        height, width = decoded.shape[:2]
        pixels = decoded.astype(np.float32) / _MIDDLE - 1
        edges = ((0, height % _PATCH), (0, width % _PATCH), (0, 0))
        patches = _patches(np.pad(pixels, edges, mode="edge"))
        by_position = np.log2(steps).repeat(_POSITIONS, 0).repeat(_POSITIONS, 1)
        seen = by_position[: patches.shape[1], : patches.shape[2]] * _STEP_SCALE
        x = np.concatenate([patches, seen[None].astype(np.float32)])
        features = np.maximum(self._around("stem", x), 0)
        for index in range(self._blocks):
            inner = np.maximum(self._around(f"body.{index}.a", features), 0)
            features = features + self._around(f"body.{index}.b", inner)
        features = np.maximum(self._around("last", features), 0)
        detail = _pixels(self._around("linear", x) + self._around("head", features))
        large = cv2.resize(pixels, (_SCALE * width, _SCALE * height), interpolation=cv2.INTER_CUBIC)
        made = large + detail[: _SCALE * height, : _SCALE * width]
        shown: npt.NDArray[np.uint8] = np.clip(np.rint((made + 1) * _MIDDLE), 0, 255).astype(
            np.uint8
        )
        return shown

    def _around(self, name: str, x: Plane) -> Plane:
        """A convolution of 3×3 positions; beyond the edges planes go on as they end."""
        (_, height, width), taps = x.shape, self._weights[f"{name}.weight"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
        made = np.repeat(self._weights[f"{name}.bias"][:, None], height * width, 1)
        for row in range(3):
            for column in range(3):
                moved = padded[:, row : row + height, column : column + width]
                made += taps[row, column] @ moved.reshape(len(x), -1)
        return made.reshape(-1, height, width)


def _shapes(width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Of all weights."""
    layers = {"linear": (_OUTPUTS, _INPUTS), "stem": (width, _INPUTS), "last": (width, width)}
    layers |= {f"body.{index}.{each}": (width, width) for index in range(blocks) for each in "ab"}
    layers["head"] = (_OUTPUTS, width)
    weights = {f"{name}.weight": (*sizes, 3, 3) for name, sizes in layers.items()}
    return weights | {f"{name}.bias": sizes[:1] for name, sizes in layers.items()}


def _patches(pixels: Plane) -> Plane:
    """(h·2, w·2, 3) → (12, h, w)."""
    height, width = (side // _PATCH for side in pixels.shape[:2])
    parts = pixels.reshape(height, _PATCH, width, _PATCH, 3).transpose(4, 1, 3, 0, 2)
    return parts.reshape(-1, height, width)


def _pixels(x: Plane) -> Plane:
    """(48, h, w) → (h·4, w·4, 3)."""
    side, (height, width) = _SCALE * _PATCH, x.shape[1:]
    parts = x.reshape(3, side, side, height, width).transpose(3, 1, 4, 2, 0)
    return parts.reshape(height * side, width * side, 3)
