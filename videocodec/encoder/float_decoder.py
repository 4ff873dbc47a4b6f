"""The decoder of the second autoencoder in floating point, with gradients worked out by hand:
``networks.second.autoencoder.SecondDecoder`` without PyTorch, which takes longer to load than a
first frame to code.

Planes are (C, h, w) float32.  Every layer gives what it makes, and what takes a gradient back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from ..models.bundle import ModelBundle
from ..models.files import weights_folder
from ..models.network_files import class_name
from ..models.strict_json import read_json

Plane = npt.NDArray[np.float32]
Back = Callable[[Plane], Plane]
Layer = Callable[[Plane], tuple[Plane, Back]]

_CLASS, _WEIGHTS = "SecondAutoencoder", "diffusion_pytorch_model.safetensors"
_LATENT_SCALE, _PATCH, _STRIDE, _BODY_BLOCKS = np.float32(3), 4, 8, 2  # as of ``SecondDecoder``


class DecoderWithGradient(Protocol):
    """Makes pictures of latents, and takes gradients back."""

    def __call__(self, latents: Plane, steps: Plane) -> tuple[Plane, Back]:
        """Scaled latents (C, h, w) and the quantiser step of every position (h, w) → the picture
        (3, 8h, 8w), RGB in about [-1, 1], and what makes of its gradient that of the latents.
        """


class FloatDecoder:
    """weights: by their names in the file, without "decoder.".  scale (C,): of latents.  blocks:
    at half resolution.  activation: "relu" or "silu".
    """

    def __init__(
        self, weights: Mapping[str, Plane], scale: Plane, blocks: int, activation: str
    ) -> None:
        self._weights, self._scale = weights, scale[:, None, None]
        self._blocks = blocks
        self._activation = {"relu": _relu, "silu": _silu}[activation]

    @classmethod
    def of(cls, bundle: ModelBundle) -> FloatDecoder | None:
        """None for a model of another kind."""
        if class_name(bundle.folder / "vae") != _CLASS:
            return None
        config = read_json(bundle.folder / "vae" / "config.json")
        file = weights_folder(bundle.folder, "vae") / _WEIGHTS
        with safe_open(str(file), framework="numpy") as tensors:
            weights = {
                name.removeprefix("decoder."): tensors.get_tensor(name).astype(np.float32)
                for name in tensors.keys()  # noqa: SIM118  # it is no mapping
                if name.startswith("decoder.")
            }
        blocks, activation = config["decoder_low_blocks"], config.get("activation", "relu")
        return cls(weights, bundle.latent_scale, int(str(blocks)), str(activation))

    def __call__(self, latents: Plane, steps: Plane) -> tuple[Plane, Back]:
        """As the protocol says."""
        z = latents / self._scale
        seen = np.concatenate([z / _LATENT_SCALE, np.log2(steps)[None]]).astype(np.float32)
        body = [partial(self._block, f"body.{index}") for index in range(_BODY_BLOCKS)]
        features, to_seen = _chain(
            partial(self._around, "stem"),
            self._low,
            *body,
            partial(self._dense, "up"),
            partial(_shuffled, side=2),
            partial(self._block, "fine"),
            partial(self._around, "head"),
            partial(_shuffled, side=_PATCH),
        )(seen)
        linear = self._weights["linear.weight"].reshape(len(z), -1)
        made, to_made = _shuffled(_times(linear.T, z), side=_STRIDE)

        def back(gradient: Plane) -> Plane:
            by_network = to_seen(gradient)[:-1] / _LATENT_SCALE
            found: Plane = (by_network + _times(linear, to_made(gradient))) / self._scale
            return found

        return made + features, back

    def _dense(self, name: str, x: Plane) -> tuple[Plane, Back]:
        """A convolution of single positions."""
        weights = self._weights[f"{name}.weight"].reshape(-1, len(x))
        made = _times(weights, x)
        made += self._weights[f"{name}.bias"][:, None, None]
        return made, partial(_times, weights.T)

    def _around(self, name: str, x: Plane) -> tuple[Plane, Back]:
        """A convolution of 3×3 positions, zeros around them."""
        channels, height, width = x.shape
        weights = self._weights[f"{name}.weight"].reshape(-1, 9 * channels)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        places = [(row, column) for row in range(3) for column in range(3)]
        windows = [padded[:, r : r + height, c : c + width] for r, c in places]
        made = _times(weights, np.stack(windows, 1).reshape(9 * channels, height, width))
        made += self._weights[f"{name}.bias"][:, None, None]

        def back(gradient: Plane) -> Plane:
            parts = _times(weights.T, gradient).reshape(channels, 9, height, width)
            whole = np.zeros_like(padded)
            for index, (row, column) in enumerate(places):
                whole[:, row : row + height, column : column + width] += parts[:, index]
            return whole[:, 1:-1, 1:-1]

        return made, back

    def _block(self, name: str, x: Plane) -> tuple[Plane, Back]:
        """``WideBlock``."""
        made, back = _chain(
            partial(self._depthwise, f"{name}.dw"),
            partial(self._dense, f"{name}.a"),
            self._activation,
            partial(self._dense, f"{name}.b"),
        )(x)
        return x + made, lambda gradient: gradient + back(gradient)

    def _depthwise(self, name: str, x: Plane) -> tuple[Plane, Back]:
        weights = self._weights[f"{name}.weight"][:, 0]
        made = _filtered(x, weights)
        made += self._weights[f"{name}.bias"][:, None, None]
        turned = np.ascontiguousarray(weights[:, ::-1, ::-1])
        return made, lambda gradient: _filtered(gradient, turned)

    def _low(self, x: Plane) -> tuple[Plane, Back]:
        """x + what is made of it at half resolution."""
        (height, width), last = x.shape[1:], self._blocks + 1
        blocks = [partial(self._block, f"low.{index}") for index in range(1, last)]
        padded = np.pad(x, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
        made, back = _chain(
            partial(self._dense, "low.0"), *blocks, partial(self._dense, f"low.{last}")
        )(_unshuffled(padded, 2))

        def whole_back(gradient: Plane) -> Plane:
            whole = np.pad(gradient, ((0, 0), (0, height % 2), (0, width % 2)))
            found = _shuffled(back(_unshuffled(whole, 2)), side=2)[0]
            if height % 2:
                found[:, -2] += found[:, -1]
            if width % 2:
                found[..., -2] += found[..., -1]
            return gradient + found[:, :height, :width]

        return x + _shuffled(made, side=2)[0][:, :height, :width], whole_back


def _chain(*layers: Layer) -> Layer:
    """One after another."""

    def run(x: Plane) -> tuple[Plane, Back]:
        backs: list[Back] = []
        for layer in layers:
            x, back = layer(x)
            backs.append(back)
        return x, lambda gradient: reduce(lambda g, back: back(g), reversed(backs), gradient)

    return run


def _times(weights: Plane, x: Plane) -> Plane:
    """(O, C) and (C, h, w) → (O, h, w)."""
    made: Plane = (weights @ x.reshape(len(x), -1)).reshape(-1, *x.shape[1:])
    return made


def _filtered(x: Plane, weights: Plane) -> Plane:
    """Every channel by its own filter, zeros around it."""
    made = np.empty_like(x)
    for plane, taps, into in zip(np.ascontiguousarray(x), weights, made, strict=True):
        cv2.filter2D(plane, cv2.CV_32F, taps, into, borderType=cv2.BORDER_CONSTANT)
    return made


def _silu(x: Plane) -> tuple[Plane, Back]:
    with np.errstate(over="ignore"):
        share: Plane = np.float32(1) / (np.float32(1) + np.exp(-x))
    return x * share, lambda gradient: gradient * share * (1 + x * (1 - share))


def _relu(x: Plane) -> tuple[Plane, Back]:
    made: Plane = np.maximum(x, 0)
    return made, lambda gradient: gradient * (x > 0)


def _shuffled(x: Plane, side: int) -> tuple[Plane, Back]:
    """(C·side², h, w) → (C, h·side, w·side)."""
    height, width = x.shape[1:]
    parts = x.reshape(-1, side, side, height, width).transpose(0, 3, 1, 4, 2)
    return parts.reshape(-1, height * side, width * side), partial(_unshuffled, side=side)


def _unshuffled(x: Plane, side: int) -> Plane:
    """The inverse."""
    channels, height, width = x.shape
    parts = x.reshape(channels, height // side, side, width // side, side)
    return parts.transpose(0, 2, 4, 1, 3).reshape(-1, height // side, width // side)
