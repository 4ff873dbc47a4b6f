"""Result files: what a benchmark leaves, and how its command is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench.markdown import Table, shown
from tools.bench.options import bench_parser, clip_paths, command, parse
from tools.bench.results import Report, Results, hashes


def results(**changes: object) -> Results:
    table = Table(["clip", "change"], ["{}", "{:+.1f} %"], [["a", -1.26], ["b", None]])
    found = Results("some", "python -m tools.bench.some", "2026-01-02", "abc", tables={"t": table})
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_a_file_is_read_as_it_was_written() -> None:
    written = results(clips={"a": "0" * 64}, notes=["crf 3: ±1"], carried_over=True)
    assert Results.from_json(written.to_json()) == written
    assert '        ["a", -1.26],\n' in written.to_json()


def test_a_table_becomes_markdown() -> None:
    assert results().tables["t"].markdown() == (
        "| clip | change |\n|---|---|\n| a | −1.3 % |\n| b |  |"
    )


def test_rows_and_columns_are_selected_in_the_order_asked_for() -> None:
    chosen = results().tables["t"].select(rows=["b", "a"], columns=["change"])
    assert chosen.rows == [[None], [-1.26]] and chosen.formats == ["{:+.1f} %"]
    with pytest.raises(KeyError):
        results().tables["t"].select(rows=["c"])


@pytest.mark.parametrize(
    ("columns", "formats", "row"),
    [(["a", "a"], [], [1, 2]), (["a", "b"], ["{}"], [1, 2]), (["a", "b"], [], [1])],
)
def test_a_table_that_does_not_fit_together_is_refused(
    columns: list[str], formats: list[str], row: list[int]
) -> None:
    with pytest.raises(ValueError, match="column"):
        Table(columns, formats, [row])


def test_numbers_have_a_minus_and_text_is_left_alone() -> None:
    assert [shown(-2, "{:.1f} dB"), shown("a-b"), shown(None)] == ["−2.0 dB", "a-b", ""]


def test_a_command_names_no_path_of_the_machine() -> None:
    words = ["--clips", "/data/clips", "--lpips=../x.safetensors", "--only", "a", "b", "--results"]
    assert command("prog", words) == "prog --clips CLIPS --lpips=LPIPS --only a b"
    words = ["/tmp/a.mp4", "samples/cup.mp4", "--results", "out.json", "--size", "2x3"]
    assert command("prog", words) == "prog a.mp4 samples/cup.mp4 --size 2x3"


def test_a_report_is_written_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"abc")
    args = parse(bench_parser("some", ""), ["--results", str(tmp_path / "new" / "some.json")])
    report = Report(args, clips=[clip])
    report.table("t", results().tables["t"], "A title")
    report.note("A note.")
    report.save()
    written = Results.from_json((tmp_path / "new" / "some.json").read_text())
    assert (written.name, written.notes, written.tables) == (
        "some",
        ["A note."],
        results().tables,
    )
    assert written.clips == hashes([clip]) and written.clips["clip"].startswith("ba7816bf")
    assert {"processor", "cores", "torch", "numpy"} <= written.machine.keys()
    assert "A title" in capsys.readouterr().out


def test_a_report_is_not_written_unasked(tmp_path: Path) -> None:
    args = parse(bench_parser("some", ""), [])
    Report(args).save()
    assert args.results is None


def test_clips_are_those_named(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mkv", "c.mp4", "notes.txt"):
        (tmp_path / name).touch()
    args = bench_parser("some", "").parse_args([])
    args.clips, args.only = tmp_path, None
    assert [path.name for path in clip_paths(args)] == ["a.mkv", "b.mp4", "c.mp4"]
    args.only = ["c"]
    assert [path.name for path in clip_paths(args)] == ["c.mp4"]
