"""What the corpus of every version of the format is made of, and what it must reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import elements, make_models, second_elements, second_models
from .encodings import ENCODINGS, SECOND_ENCODINGS, Encoding
from .scenarios import SCENARIOS, Scenario
from .scenarios.second import SECOND_SCENARIOS
from .second_seen import SecondSeen
from .seen import Seen


@dataclass(frozen=True)
class Edition:
    """The corpus of one version of the format.

    scenarios: streams of random decisions by name, whose place is their seed.  encodings: files of
    the real encoder.  models: by name, 0 for what the corpus began with, else when one was added to
    it.  make_tables, make_files: of a model by name.  required: elements of the syntax that the
    corpus must reach.  seen: makes what counts them.
    """

    version: int
    scenarios: Mapping[str, Scenario]
    encodings: Mapping[str, Encoding]
    models: Mapping[str, int]
    make_tables: Callable[[str], Any]
    make_files: Callable[[str], dict[str, bytes]]
    required: Callable[[], list[str]]
    seen: Callable[[], Seen]


EDITIONS = {
    1: Edition(
        version=1,
        scenarios=SCENARIOS,
        encodings=ENCODINGS,
        models={name: model.added for name, model in make_models.MODELS.items()},
        make_tables=lambda name: make_models.MODELS[name].tables(),
        make_files=make_models.make_files,
        required=elements.required,
        seen=Seen,
    ),
    2: Edition(
        version=2,
        scenarios=SECOND_SCENARIOS,
        encodings=SECOND_ENCODINGS,
        models=dict.fromkeys(second_models.SECOND_MODELS, 0),
        make_tables=lambda name: second_models.SECOND_MODELS[name](),
        make_files=second_models.make_second_files,
        required=second_elements.required,
        seen=SecondSeen,
    ),
}
