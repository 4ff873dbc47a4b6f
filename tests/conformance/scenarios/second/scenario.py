"""What a scenario of format version 2 has beside those of version 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bitstream.v2.tables import LevelTables

from ....bitstream.synthetic import FieldsMaker
from ....bitstream.synthetic.second_decisions import drawn_levels, mixed_fields
from ....bitstream.synthetic.second_streams import SecondStreamMaker, SliceChoices, second_header
from ..scenario import Scenario


@dataclass(frozen=True)
class SecondScenario(Scenario):
    """slices: how many are drawn, and local offsets.  long: the second decoder takes more than
    some seconds.
    """

    model: str = "several"
    fields: FieldsMaker = mixed_fields
    levels: Callable[..., Any] = drawn_levels
    slices: SliceChoices = SliceChoices()  # noqa: RUF009  frozen
    long: bool = False

    def maker(self, tables: LevelTables, seed: int) -> SecondStreamMaker:
        """What makes its stream."""
        header = second_header(self.width, self.height, self.block_log2, tables.latent_channels)
        fields, levels = self.fields, self.levels
        return SecondStreamMaker(
            tables, header, seed, self.escape_odds, fields, levels, self.slices
        )
