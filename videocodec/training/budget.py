"""How long a training runs, counted in steps and pixels; minutes end it, but rule nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Budget:
    """Limits of a training, of which the first that is reached ends it.

    steps: of the optimiser, counted from the first run on.
    pixels: seen, likewise.
    minutes: of wall clock, of this run alone.
    Raises ``ValueError`` if there is no limit, or one that is not above 0.
    """

    steps: int | None = None
    pixels: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        limits = {"steps": self.steps, "pixels": self.pixels, "minutes": self.minutes}
        for name, value in limits.items():
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        if all(value is None for value in limits.values()):
            raise ValueError("a training needs a limit of steps, pixels or minutes")

    def progress(self, steps: int, pixels: int = 0, minutes: float = 0.0) -> float:
        """Share that is over, 0 to 1, for schedules of learning rates.

        Of steps and pixels where one of them is a limit, so that the same counts give the same
        rates on every machine; of minutes only where nothing else is.
        """
        shares = [
            done / limit for done, limit in ((steps, self.steps), (pixels, self.pixels)) if limit
        ]
        if not shares and self.minutes:
            shares = [minutes / self.minutes]
        return min(1.0, max(shares))

    def is_spent(self, steps: int, pixels: int = 0, minutes: float = 0.0) -> bool:
        """Whether a limit is reached."""
        done = ((steps, self.steps), (pixels, self.pixels), (minutes, self.minutes))
        return any(limit is not None and value >= limit for value, limit in done)

    def part(self, share: float) -> Budget:
        """A share of every limit, at least one step and one pixel."""
        return replace(
            self,
            steps=self.steps and max(1, round(share * self.steps)),
            pixels=self.pixels and max(1, round(share * self.pixels)),
            minutes=self.minutes and share * self.minutes,
        )
