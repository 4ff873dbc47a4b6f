"""Rate-distortion plots of a ladder as PNG and SVG, one for each clip and figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .analysis import codec_curve
from .metrics import Figure
from .schema import LadderResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with any kind of colour vision; the report has the same.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999")
_MARKERS = "osD^vPX"


def write_plots(results: LadderResults, folder: Path) -> list[Path]:
    """All plots of a ladder, CLIP-FIGURE.png and .svg → the files."""
    import matplotlib

    matplotlib.use("Agg")
    # so that the same figures give the same file
    matplotlib.rcParams["svg.hashsalt"] = "videocodec"
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for clip in results["clips"]:
        for values in results["figures"]:
            figure = Figure(**values)
            page, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
            if _draw(axes, results, clip["name"], figure):
                for suffix in ("png", "svg"):
                    path = folder / f"{clip['name']}-{figure.name}.{suffix}"
                    page.savefig(
                        path, dpi=150, metadata={"Date": None} if suffix == "svg" else None
                    )
                    written.append(path)
            pyplot.close(page)
    return written


def _draw(axes: Axes, results: LadderResults, clip: str, figure: Figure) -> bool:
    sign, drawn = 1 if figure.higher_is_better else -1, False
    for place, codec in enumerate(results["codecs"]):
        curve = codec_curve(results["records"], clip, codec["name"], figure)
        if not curve.records:
            continue
        drawn, colour = True, COLOURS[place % len(COLOURS)]
        points = [(rate, sign * quality) for rate, quality in curve.points]
        many = len({record["scale"] for record in curve.records}) > 1
        line = [points[index] for index in curve.hull] if many else points
        axes.plot(
            *zip(*line, strict=True),
            color=colour,
            marker=None if many else _MARKERS[place % 7],
            label=f"{codec['label']}, {codec['preset']}",
        )
        for scale in (
            sorted({record["scale"] for record in curve.records}, reverse=True) if many else ()
        ):
            of_scale = [
                point
                for point, record in zip(points, curve.records, strict=True)
                if record["scale"] == scale
            ]
            axes.plot(
                *zip(*of_scale, strict=True),
                color=colour,
                linestyle="",
                marker=_MARKERS[place % 7],
                markersize=3 + 4 * scale,
                alpha=0.6,
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("kbit/s of video")
    axes.set_ylabel(
        figure.label
        + (f", {figure.unit}" if figure.unit else "")
        + ("" if figure.higher_is_better else " (less is better)")
    )
    axes.set_title(clip)
    axes.grid(True, which="both", alpha=0.25)
    if drawn:
        axes.legend(fontsize="small")
    return drawn
