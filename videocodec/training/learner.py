"""A model in training: weights, their moving average, optimiser and counters, which stop and go on
together.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from . import checkpoints
from .checkpoints import Record
from .muon import Muon
from .randomness import Randomness

Network = TypeVar("Network", bound=nn.Module)
# What optimisers keep of a parameter: AdamW's, and Muon's.
_MOMENTS = ("exp_avg", "exp_avg_sq", "momentum")


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn at one rate.

    peak_rate: the learning rate that a schedule's factor is taken of.
    weight_decay: in place of that of the settings.
    with_muon: by Muon in place of AdamW; for weights of dense layers.
    """

    parameters: Sequence[torch.Tensor]
    peak_rate: float
    weight_decay: float | None = None
    with_muon: bool = False


@dataclass(frozen=True)
class OptimiserSettings:
    """Of AdamW (Loshchilov & Hutter 2019); Muon shares limit and decay.

    gradient_limit: gradients longer than this are shortened to it.
    """

    gradient_limit: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4


@dataclass
class Learner(Generic[Network]):
    """A model, learning.

    average: an exponential moving average of the weights with a memory that grows to a thousand
    steps; it is what is judged and handed on.
    steps, pixels: seen so far, over all runs.
    record: figures that belong to the state, kept in its checkpoint (JSON).
    """

    model: Network
    groups: Sequence[ParameterGroup]
    settings: OptimiserSettings
    randomness: Randomness
    steps: int = 0
    pixels: int = 0
    record: Record = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.average: Network = copy.deepcopy(self.model).requires_grad_(False)
        adamw, muon = ([g for g in self.groups if g.with_muon is kind] for kind in (False, True))
        decay = self.settings.weight_decay
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                self._as_options(adamw), weight_decay=decay, betas=self.settings.betas
            )
        ]
        if muon:
            self.optimisers.append(Muon(self._as_options(muon), weight_decay=decay))

    def _as_options(self, groups: Sequence[ParameterGroup]) -> list[dict[str, Any]]:
        """As PyTorch's optimisers take groups."""
        decay = self.settings.weight_decay
        return [
            {
                "params": list(group.parameters),
                "peak": group.peak_rate,
                "weight_decay": decay if group.weight_decay is None else group.weight_decay,
            }
            for group in groups
        ]

    @property
    def rate(self) -> float:
        """The largest learning rate of the last step."""
        return max(float(group["lr"]) for group in self._param_groups())

    def _param_groups(self) -> list[dict[str, Any]]:
        return [group for one in self.optimisers for group in one.param_groups]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def generator(self) -> torch.Generator:
        """Of this step's random numbers, on the model's device."""
        return self.randomness.torch(self.device, self.steps)

    def numbers(self, *place: int) -> np.random.Generator:
        """Of this step's random numbers for its data; ``place`` within the step."""
        return self.randomness.numpy(self.steps, *place)

    def learn(self, loss: torch.Tensor, pixels: int, rate_factor: float) -> None:
        """One step down the gradient of ``loss``, a scalar made of ``pixels`` pixels.

        rate_factor: of every group's peak learning rate.
        """
        for group in self._param_groups():
            group["lr"] = group["peak"] * rate_factor
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        learning = [p for group in self._param_groups() for p in group["params"]]
        nn.utils.clip_grad_norm_(learning, self.settings.gradient_limit)
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps += 1
        self.pixels += pixels
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(0.999, self.steps / (self.steps + 20))
        followed: list[torch.Tensor] = list(self.average.parameters())
        leading: list[torch.Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(followed, leading, 1 - keep)

    def save(self, folder: Path) -> None:
        """Write all of the state into a checkpoint."""
        moments: dict[str, dict[str, torch.Tensor]] = {name: {} for name in _MOMENTS}
        counts = {}
        for name, (parameter, optimiser) in self._learning().items():
            for key, value in optimiser.state.get(parameter, {}).items():
                if key in _MOMENTS:
                    moments[key][name] = value
                else:
                    counts[name] = float(value)
        moments = {key: values for key, values in moments.items() if values}
        tensors = {"weights": self.model.state_dict(), "average": self.average.state_dict()}
        record = {
            "steps": self.steps,
            "pixels": self.pixels,
            "seed": self.randomness.seed,
            "optimiser_steps": counts,
            "record": self.record,
        }
        checkpoints.write(folder, tensors | moments, record)

    def resume(self, folder: Path) -> None:
        """Take over the state in a checkpoint; the learning rates stay those asked for.

        Raises ``InputError`` where there is none, or one of another model.
        """
        tensors, record = checkpoints.read(folder)
        try:
            self.model.load_state_dict(tensors["weights"])
            self.average.load_state_dict(tensors["average"])
            for name, (parameter, optimiser) in self._learning().items():
                if moments := _moments(tensors, record, name, parameter):
                    optimiser.state[parameter] = moments
            self.steps, self.pixels = record["steps"], record["pixels"]
            self.randomness, self.record = Randomness(record["seed"]), record["record"]
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{folder}: a checkpoint of another model ({reason}): name another folder"
            ) from error

    def _learning(self) -> dict[str, tuple[nn.Parameter, torch.optim.Optimizer]]:
        """The parameters that learn, by name, and the optimiser that has them."""
        chosen = {
            id(p): one
            for one in self.optimisers
            for group in one.param_groups
            for p in group["params"]
        }
        return {
            name: (p, chosen[id(p)]) for name, p in self.model.named_parameters() if id(p) in chosen
        }


def _moments(
    tensors: dict[str, dict[str, torch.Tensor]], record: Record, name: str, parameter: nn.Parameter
) -> dict[str, torch.Tensor]:
    """The optimiser's state of one parameter, in the parameter's memory format: sums over other
    strides are rounded differently.  Empty where the parameter has not learnt yet.
    """
    moments = {}
    if name in record["optimiser_steps"]:
        moments["step"] = torch.tensor(record["optimiser_steps"][name], dtype=torch.float32)
    for key in _MOMENTS:
        if name in tensors.get(key, {}):
            moments[key] = torch.empty_like(parameter).copy_(tensors[key][name]).detach()
    return moments
