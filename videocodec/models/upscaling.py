"""The network for twice the size that a bundle may have, and what makes large pictures with it.

It lies in ``upscaler/``, config.json beside safetensors as every network, and is no part of the
model's identity: it sees decoded pictures alone, so files coded with or without it are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..errors import UnknownModelError
from ..networks.placement import placed
from ..networks.upscaling import SCALE, PictureUpscaler, UpscalerShape
from .budget import within_weights
from .devices import memory_ended
from .files import UPSCALER, UPSCALER_WEIGHTS, upscaler_folder
from .network_errors import network_errors
from .network_files import BUILDING_ERRORS, checked_config, class_name, unloadable
from .runtime import pick_device, run_for_pictures
from .threads import set_threads, settle_threads

CLASS_NAME = PictureUpscaler.__name__
_PIXELS_AT_ONCE = 1 << 20  # of decoded pictures, with what is seen around them: 150 MB of features


def load_upscaler(folder: Path) -> PictureUpscaler:
    """The network of the bundle in ``folder``, on the CPU in float32, ready for inference.

    Raises ``UnknownModelError`` with one clear line.
    """
    part = upscaler_folder(folder) or folder / UPSCALER
    if class_name(part) != CLASS_NAME:
        raise UnknownModelError(
            f"{part / 'config.json'}: {class_name(part)!r} is no network for twice the size: it"
            f" must be {CLASS_NAME}"
        )
    config = checked_config(part, part)
    known = {field.name for field in fields(UpscalerShape)}
    sizes = {name: value for name, value in config.items() if name in known}
    try:
        with within_weights(part):
            network = PictureUpscaler(UpscalerShape(**sizes))  # type: ignore[arg-type]  # else it fails
            network.load(part / UPSCALER_WEIGHTS)
    except BUILDING_ERRORS as error:
        if isinstance(error, UnknownModelError) or memory_ended(error):
            raise
        raise unloadable(part, error) from error
    return network.eval().requires_grad_(False)


class Upscaling:
    """Makes pictures of twice the width and height, on a device.

    folder: of a bundle that has a network for it.  at_once: px of a decoded picture that go through
    it at once; larger ones go in bands of rows, which are those of the whole within rounding.
    """

    def __init__(
        self,
        folder: Path,
        device: str = "auto",
        threads: int | None = None,
        at_once: int = _PIXELS_AT_ONCE,
    ) -> None:
        set_threads(threads)
        self.device, self._at_once = pick_device(device), at_once
        with network_errors(f"to load the network for twice the size of {folder}", self.device):
            self._network = placed(load_upscaler(folder), self.device)

    @torch.inference_mode()
    def picture(
        self, decoded: npt.NDArray[np.uint8], steps: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        """A decoded picture (H, W, 3) and the quantiser step of every latent position, at least
        (⌈H/8⌉, ⌈W/8⌉) → (2H, 2W, 3) uint8 RGB.
        """
        settle_threads()
        height, width = decoded.shape[:2]
        made = np.empty((SCALE * height, SCALE * width, 3), np.uint8)
        with network_errors(f"to enlarge pictures of {width}×{height}", self.device):
            for band in self._bands(height, width):
                outer = _grown(band, self._network.reach, height)
                rows = slice(outer.start // PIXELS_PER_LATENT, -(-outer.stop // PIXELS_PER_LATENT))
                large = self._band(decoded[outer], steps[rows])
                first = SCALE * (band.start - outer.start)
                target = made[SCALE * band.start : SCALE * band.stop]
                target[:] = large[first : first + len(target)]
        return made

    def _bands(self, height: int, width: int) -> Iterator[slice]:
        """Rows that go through the network together, from a multiple of 8 px on."""
        rows = max(1, self._at_once // (width * PIXELS_PER_LATENT)) * PIXELS_PER_LATENT
        for first in range(0, height, rows):
            yield slice(first, min(height, first + rows))

    def _band(
        self, decoded: npt.NDArray[np.uint8], steps: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        planes = torch.from_numpy(np.ascontiguousarray(decoded)).to(self.device)
        pictures = planes.permute(2, 0, 1)[None].float().div_(127.5).sub_(1)
        log2_steps = torch.from_numpy(np.log2(steps)[None]).to(self.device)
        made = run_for_pictures(self.device, lambda: self._network(pictures, log2_steps))[0]
        pixels = made.add_(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
        shown: npt.NDArray[np.uint8] = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
        return shown


def _grown(band: slice, reach: int, height: int) -> slice:
    """A band with the rows that it depends on, in whole latent positions."""
    around = -(-reach // PIXELS_PER_LATENT) * PIXELS_PER_LATENT
    return slice(max(0, band.start - around), min(height, band.stop + around))


def config_of(shape: UpscalerShape) -> dict[str, object]:
    """What config.json of such a network says."""
    return {"_class_name": CLASS_NAME, **asdict(shape)}


def save_upscaler(network: PictureUpscaler, folder: Path) -> None:
    """Put a network into a bundle, as float16; the bundle's identity stays what it is."""
    part = folder / UPSCALER
    part.mkdir(exist_ok=True)
    tensors = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, str(part / UPSCALER_WEIGHTS), {"format": "pt"})
    (part / "config.json").write_text(json.dumps(config_of(network.shape), indent=2) + "\n")
