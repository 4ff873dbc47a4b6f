"""The encodes of a ladder: all its rungs, and searches for the crf that reaches a quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from .clips import Clip
from .codecs import Codec
from .files import read_json
from .jobs import Job, Rung, metric_file
from .metrics import Figure, Metric
from .metrics.base import Series
from .records import summary
from .runner import Runner
from .schema import TargetEntry
from .search import CrfGrid, FoundCrf, crf_for_quality
from .settings import LadderSettings

_OTHER_TOLERANCE = 0.01  # relative, of figures that state none
_USUAL_TRIES = 5  # of a search, for the progress


def run_all(
    runner: Runner,
    clips: Sequence[Clip],
    settings: LadderSettings,
    figures: Mapping[str, Figure],
    metrics: Sequence[Metric],
) -> list[TargetEntry]:
    """Have every rung and every search done → what the searches found, in the clips' order.

    figures: of the targets, by name.
    """
    jobs = [
        job_of(settings, clip, codec, rung)
        for clip in clips
        for codec in settings.codecs
        for rung in settings.rungs(codec)
    ]
    searches = [
        Search(runner, settings, clip, codec, scale, figure, metrics)
        for clip in clips
        for codec in settings.codecs
        for scale in settings.resolutions
        for figure in figures.values()
    ]
    entries: list[TargetEntry] = []

    def search(one: Search) -> None:
        entries.append(one.run())

    tasks: list[Callable[[], object]] = [partial(runner.finish, job) for job in jobs]
    tasks += [partial(search, one) for one in searches]
    expected = jobs + [one.any_job for one in searches for _ in range(_USUAL_TRIES)]
    runner.run(tasks, expected, clips)
    order = {clip.name: place for place, clip in enumerate(clips)}
    return sorted(
        entries, key=lambda one: (order[one["clip"]], one["figure"], one["codec"], one["scale"])
    )


def job_of(
    settings: LadderSettings, clip: Clip, codec: Codec, rung: Rung, sought: str | None = None
) -> Job:
    """One encode by the settings."""
    return Job(
        clip,
        codec,
        rung,
        settings.preset(codec),
        settings.gop_size,
        settings.threads,
        settings.model,
        sought,
        settings.perceptual if codec.name == "videocodec" else None,
    )


@dataclass(frozen=True)
class Search:
    """For the crf with which a codec reaches the target of one figure on one clip."""

    runner: Runner
    settings: LadderSettings
    clip: Clip
    codec: Codec
    scale: float
    figure: Figure
    metrics: Sequence[Metric]

    @property
    def any_job(self) -> Job:
        """One of the encodes it will take, for the progress."""
        return job_of(self.settings, self.clip, self.codec, Rung("crf", 0, self.scale))

    @property
    def target(self) -> float:
        """The value to reach."""
        return self.settings.targets[self.figure.name]

    def run(self) -> TargetEntry:
        """Search, and say what became of it; a failure is a text, not an exception."""
        tries: list[float] = []
        sign = 1 if self.figure.higher_is_better else -1

        def quality(crf: float) -> float:
            tries.append(crf)
            return sign * self._measured(crf)

        tolerance = self.figure.search_tolerance
        if tolerance is None:
            tolerance = abs(self.target) * _OTHER_TOLERANCE
        codec = self.codec
        try:
            chosen = crf_for_quality(
                quality,
                sign * self.target,
                CrfGrid(*codec.crf_range, codec.crf_step),
                tolerance=tolerance,
            )
        except LookupError as error:
            return self._entry(None, f"was not found: {error}")
        finally:
            self.runner.expect(self.any_job, min(0, len(tries) - _USUAL_TRIES))
        reached = "at" if chosen.reached else "is out of reach; nearest"
        value = f"{sign * chosen.value:.{self.figure.decimals}f}"
        return self._entry(
            chosen, f"{reached} crf {chosen.crf:g} ({value}), {chosen.tries} encodes", sign
        )

    def _measured(self, crf: float) -> float:
        """The mean at a crf.  Raises ``LookupError`` with the reason where there is none."""
        named = f"{self.figure.name}={self.target:g}"
        rung = Rung("crf", crf, self.scale)
        outcome = self.runner.finish(job_of(self.settings, self.clip, self.codec, rung, named))
        metric = next(metric for metric in self.metrics if self.figure in metric.figures)
        file = metric_file(outcome.folder, metric)
        series = None if outcome.error else read_json(file, Series)
        if series is None:
            raise LookupError(
                outcome.error or outcome.metric_error or f"{self.figure.name} was not measured"
            )
        return summary(series[self.figure.name], self.figure)["mean"]

    def _entry(self, crf: FoundCrf | None, text: str, sign: int = 1) -> TargetEntry:
        at_scale = "" if self.scale == 1 else f" at {self.scale:g}"
        head = f"{self.clip.name}, {self.codec.name}{at_scale}: {self.figure.name}={self.target:g}"
        record = None
        if crf is not None:
            label = Rung("crf", crf.crf, self.scale).label
            record = f"{self.clip.name}/{self.codec.name}/{label}".replace(" ", "_")
        return {
            "clip": self.clip.name,
            "codec": self.codec.name,
            "scale": self.scale,
            "figure": self.figure.name,
            "target": self.target,
            "crf": None if crf is None else crf.crf,
            "value": None if crf is None else sign * crf.value,
            "record": record,
            "reached": crf is not None and crf.reached,
            "text": f"{head} {text}",
        }
