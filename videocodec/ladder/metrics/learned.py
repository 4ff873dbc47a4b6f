"""Metrics that are networks: LPIPS and DISTS, where their weights are at hand.  Nothing is
downloaded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...errors import ComparisonError
from ..files import file_sha256
from .base import EVERY, Figure, Metric, MetricOption, Pair, Series, too_small

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from ..clips import Clip

_ALEXNET = "alexnet-owt-*.pth"  # as torchvision names its download


class LearnedMetric(Metric):
    """A network on every third frame, in RGB by the clip's matrix and range."""

    def missing(self, clip: Clip | None = None) -> str | None:
        from ...judges import SMALLEST_SIDE

        return too_small(clip, SMALLEST_SIDE, "its network needs")

    @abstractmethod
    def network(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """From two pictures (1, 3, H, W), RGB in [-1, 1], to their distance (1,)."""

    def measure(self, pair: Pair) -> Series:
        import torch

        from ..planes import ToRgb

        torch.set_num_threads(1)  # every job has a process of its own
        network, to_rgb, values = self.network(), ToRgb(pair.clip), []

        def tensor(planes: npt.NDArray[np.uint8]) -> torch.Tensor:
            return torch.from_numpy(to_rgb(planes)).permute(2, 0, 1)[None].float() / 127.5 - 1

        with torch.inference_mode():
            for index, (distorted, reference) in enumerate(
                zip(pair.distorted, pair.reference, strict=True)
            ):
                values.append(
                    None
                    if index % EVERY
                    else float(network(tensor(distorted), tensor(reference)).item())
                )
        return {self.figures[0].name: values}


class WeightsMetric(LearnedMetric):
    """One whose weights are a safetensors file the user names."""

    option: ClassVar[MetricOption]

    @property
    def weights(self) -> Path:
        """The file.  Raises ``ComparisonError`` if the user named none."""
        if self.file is None:
            raise ComparisonError(f"{self.name}: {self._no_weights}")
        return Path(self.file)

    @property
    def _no_weights(self) -> str:
        return f"no weights: give --{self.option.name} FILE.safetensors"

    def missing(self, clip: Clip | None = None) -> str | None:
        return self._no_weights if self.file is None else super().missing(clip)

    def identity(self) -> dict[str, str]:
        return {
            "torch": version("torch"),
            "weights_sha256": file_sha256(Path(self.file)) if self.file else "",
        }


class LpipsSqueezeMetric(WeightsMetric):
    """LPIPS with SqueezeNet 1.1 (Zhang et al. 2018)."""

    name, place = "lpips", 1
    figures = (Figure("lpips", "LPIPS (SqueezeNet)", "", False, 4, perfect=0),)
    option = MetricOption("lpips-weights", "safetensors of LPIPS with SqueezeNet 1.1")

    def network(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        from ...judges.lpips import LpipsSqueeze

        return LpipsSqueeze(self.weights).eval()


class LpipsAlexMetric(LearnedMetric):
    """LPIPS with AlexNet, by the package of that name if it is installed with its backbone."""

    name, place = "lpips_alex", 2
    figures = (Figure("lpips_alex", "LPIPS (AlexNet)", "", False, 4, perfect=0),)

    def missing(self, clip: Clip | None = None) -> str | None:
        if find_spec("lpips") is None:
            return "the package lpips is not installed"
        import torch

        if not list(Path(torch.hub.get_dir(), "checkpoints").glob(_ALEXNET)):
            return (
                "AlexNet's weights are not in torch's cache: run lpips.LPIPS(net='alex') once,"
                " which downloads them"
            )
        return super().missing(clip)

    def identity(self) -> dict[str, str]:
        return {"lpips": version("lpips"), "torch": version("torch")}

    def network(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        import lpips

        network: torch.nn.Module = lpips.LPIPS(net="alex", verbose=False)
        return network.eval()


class DistsMetric(WeightsMetric):
    """Deep image structure and texture similarity (Ding et al. 2020)."""

    name, place = "dists", 2.5
    figures = (Figure("dists", "DISTS", "", False, 4, perfect=0),)
    option = MetricOption(
        "dists-weights", "safetensors of DISTS: VGG-16 as torchvision names it, alpha, beta"
    )

    def network(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        from ...judges.dists import Dists

        return Dists(self.weights).eval()
