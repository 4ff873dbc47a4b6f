"""The loss that the temporal UNet is trained with, on errors made by hand."""

from __future__ import annotations

import pytest
import torch

from videocodec.training.restoration_batches import Batch
from videocodec.training.restorer import Weights, distortion


def whole(pictures: torch.Tensor) -> torch.Tensor:
    """A mask that judges every pixel."""
    return torch.ones_like(pictures[:, :1], dtype=torch.bool)


class TestLoss:
    def test_halving_an_error_is_worth_the_same_in_calm_and_in_busy_pictures(self) -> None:
        pictures = torch.zeros(2, 3, 64, 64)
        planes, flow = torch.ones(2, 8, 8), torch.zeros(1, 64, 64, 2)
        batch = Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4,
            planes,
            planes,
            torch.zeros(2),
            pictures,
            flow,
            whole(pictures),
        )
        noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

        def lpips(a, b):
            return a.abs().mean((1, 2, 3))

        def gain(error: float) -> float:
            whole, half = (
                distortion(
                    torch.cat([size * noise] * 2),
                    batch,
                    lpips,
                    Weights(1.0, 0.1),
                )[0].mean()
                for size in (error, error / 2)
            )
            return float(whole - half)

        assert gain(0.8) == pytest.approx(gain(0.4), rel=0.05)
        assert gain(0.8) > 1.5

    def test_what_is_not_judged_costs_nothing_and_the_rest_costs_the_same(self) -> None:
        pictures, judged = torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64, dtype=torch.bool)
        judged[..., :32] = True
        planes, error = (
            torch.ones(2, 8, 8),
            torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(0)),
        )
        grid = torch.stack(
            torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="xy"), -1
        )[None]
        batch = Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4, planes, planes, torch.zeros(2), pictures, grid, judged
        )

        def lpips(a, b):
            return a.abs().mean((1, 2, 3))

        mse = [
            distortion(
                torch.cat([error, 9 * beyond], -1),
                batch,
                lpips,
                Weights(1.0, 0.1),
            )[1]
            for beyond in (error, -error)
        ]
        assert torch.equal(*mse)
        assert mse[0].numpy() == pytest.approx(
            ((error * 127.5) ** 2).mean((1, 2, 3)).numpy(), rel=1e-5
        )

    def test_flicker_is_error_that_changes_along_the_motion(self) -> None:
        torch.manual_seed(0)
        pictures = torch.rand(2, 3, 64, 64) - 0.5
        y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
        planes = torch.ones(2, 8, 8)
        batch = Batch(
            *[torch.zeros(2, 1, 8, 8)] * 4,
            planes,
            planes,
            torch.zeros(2),
            pictures,
            torch.stack([x, y], -1)[None],
            whole(pictures),
        )
        steady, changing = torch.full((1, 3, 64, 64), 0.1), 0.1 * torch.randn(1, 3, 64, 64)

        def no_lpips(a, b):
            return torch.zeros(len(a))

        still = distortion(pictures + steady, batch, no_lpips, Weights(1.0, 0.1))[3]
        flickers = distortion(
            pictures + torch.cat([changing, -changing]),
            batch,
            no_lpips,
            Weights(1.0, 0.1),
        )[3]
        assert float(still) == pytest.approx(0, abs=1e-4)
        assert float(flickers) == pytest.approx(
            4 * float((changing * 127.5).square().mean()), rel=1e-3
        )
