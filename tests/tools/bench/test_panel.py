"""The panel beside stored anchors: what is kept is read again, and what does not fit is refused."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tools.bench import panel, panel_anchors
from tools.bench.panel_anchors import ANCHORS, Anchor
from tools.bench.panel_encodes import figures
from tools.bench.results import Report, Results
from videocodec.ladder.schema import Record

CLIPS = ("pan", "zoom")
RUNGS = ((20_000, 10), (40_000, 20), (80_000, 30), (160_000, 40))
METRICS = {"psnr": "a filter", "vmaf": "a model"}


def encodes(codec: str, factor: float, lift: float = 0) -> list[Record]:
    """Four rungs of two clips; less is better where the figure says so."""
    return [
        {
            "id": f"{clip}/{codec}/{rate}",
            "clip": clip,
            "codec": codec,
            "mode": "crf",
            "value": 60 - quality,
            "bitrate_bps": factor * rate,
            "scale": 1.0,
            "sought": None,
            "error": None,
            "encode_fps": 4.0,
            "command": "ffmpeg -i /somewhere/pan.mp4 -c:v libx264 /elsewhere/out.mp4",
            "quality": {
                figure.name: {"mean": (1 if figure.higher_is_better else -1) * (quality + lift)}
                for figure in figures()
            },
        }
        for clip in CLIPS
        for rate, quality in RUNGS
    ]


@pytest.fixture
def stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Results:
    """results/anchors.json of two clips."""
    paths = [tmp_path / f"{clip}.mp4" for clip in CLIPS]
    for path in paths:
        path.write_bytes(path.stem.encode())
    args = Namespace(results=tmp_path / "anchors.json", bench="anchors", command="python -m x")
    report = Report(args, clips=paths)
    found = {anchor: encodes(anchor.codec, 1) for anchor in ANCHORS[:2]}
    panel_anchors.publish(report, found, METRICS)
    report.save()
    capsys.readouterr()
    return Results.from_json(args.results.read_text(encoding="utf-8"))


def test_what_is_kept_is_read_again(stored: Results) -> None:
    found = panel_anchors.records(stored, stored.clips, METRICS)
    assert list(found) == ["x264 veryslow", "x265 slow"]
    for record, kept in zip(encodes("x264", 1), found["x264 veryslow"], strict=True):
        assert kept["bitrate_bps"] == record["bitrate_bps"]
        means = {name: figure["mean"] for name, figure in kept["quality"].items()}
        assert means == {name: figure["mean"] for name, figure in record["quality"].items()}


def test_commands_are_kept_without_paths_of_the_machine(stored: Results) -> None:
    table = stored.tables["commands"].select(columns=["command"])
    assert table.rows[0] == ["ffmpeg -i pan.mp4 -c:v libx264 out.mp4"]


def test_other_clips_and_metrics_are_refused(stored: Results) -> None:
    with pytest.raises(SystemExit, match="has another pan, or none: measure the anchors again"):
        panel_anchors.records(stored, stored.clips | {"pan": "0" * 64}, METRICS)
    with pytest.raises(SystemExit, match="has another bus, or none"):
        panel_anchors.records(stored, stored.clips | {"bus": "0" * 64}, METRICS)
    with pytest.raises(SystemExit, match="measured with another vmaf"):
        panel_anchors.records(stored, stored.clips, METRICS | {"vmaf": "another model"})


def test_double_the_bytes_are_a_hundred_percent_in_every_measure(stored: Results) -> None:
    pytest.importorskip("bjontegaard")
    anchors = panel_anchors.records(stored, stored.clips, METRICS)
    found = panel.compared(encodes(panel.OWN, 2), anchors, CLIPS)
    for name in panel.RANGES:
        table = panel.table(found[name], len(CLIPS))
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            members = [cells[figure.label.split(" ")[0]] for figure in figures()]
            assert cells["panel"] == "+100"
            assert members == ["+100"] * len(members)
            assert (cells["better"], cells["worse"]) == (0, 0)


def test_a_codec_that_is_never_as_good_is_worse_and_has_no_mean(stored: Results) -> None:
    pytest.importorskip("bjontegaard")
    anchors = panel_anchors.records(stored, stored.clips, METRICS)
    table = panel.table(
        panel.compared(encodes(panel.OWN, 1, lift=-100), anchors, CLIPS)["all"], len(CLIPS)
    )
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert (cells["panel"], cells["worst member"]) == ("–", "–")
    assert (cells["better"], cells["worse"]) == (0, len(CLIPS) * len(figures()))


def test_the_anchors_are_those_that_the_docs_name() -> None:
    names = [anchor.name for anchor in ANCHORS]
    assert names == ["x264 veryslow", "x265 slow", "SVT-AV1 preset 5", "SVT-AV1 preset 2"]
    assert Anchor("vp9", "0", (30,)).name == "libvpx preset 0"


def test_another_metric_joins_what_the_anchors_have(stored: Results) -> None:
    before = panel_anchors.records(stored, stored.clips, METRICS)["x264 veryslow"]
    again = [{**one, "quality": {"cvvdp": {"mean": 8.5}}} for one in encodes("x264", 1)]
    assert panel_anchors.are_joined(again, before)  # type: ignore[arg-type]
    for record, known in zip(again, before, strict=True):
        assert record["quality"] == {**known["quality"], "cvvdp": {"mean": 8.5}}
    other = encodes("x264", 1.01)
    assert not panel_anchors.are_joined(other, before)
    assert [record["quality"] for record in other] == [
        record["quality"] for record in encodes("x264", 1.01)
    ]


def test_metrics_that_are_not_compared_may_be_missing(stored: Results) -> None:
    stored.tables["metrics"].add("cvvdp", "a package that is not here")
    assert panel_anchors.records(stored, stored.clips, METRICS)
    with pytest.raises(SystemExit, match="measured with another cvvdp"):
        panel_anchors.records(stored, stored.clips, METRICS | {"cvvdp": "another version"})
