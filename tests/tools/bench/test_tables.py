"""Tables in the docs: made from results/, and still what the results say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import tables
from tools.bench.markdown import Table
from tools.bench.results import ROOT, Results, load

PAGES = [path for path in tables.pages() if "<!-- " in path.read_text(encoding="utf-8")]


@pytest.fixture
def results() -> dict[str, Results]:
    table = Table(["clip", "bytes", "dB"], ["{}", "{}", "{:.1f}"], [["a", 3, 1.25], ["b", 5, 2.5]])
    machine = {"processor": "A processor", "cores": 2, "load": 0.5}
    found = Results("n", "python -m x", "2026-01-02", "0123456789+", True, machine, {"m": "f" * 64})
    found.tables = {"first": table, "second": Table(["q"], [], [[1]])}
    return {"n": found}


def test_regions_are_filled_in_and_the_rest_is_left(results: dict[str, Results]) -> None:
    page = (
        '# P\n\n<!-- table: n.first rows="b" columns="clip; dB" -->\nold\n<!-- end -->\n\nText.\n'
    )
    new = tables.rewritten(page, results)
    assert new == page.replace("old", "| clip | dB |\n|---|---|\n| b | 2.5 |")
    assert tables.rewritten(new, results) == new


def test_an_empty_region_is_filled_in(results: dict[str, Results]) -> None:
    new = tables.rewritten("<!-- table: n.second -->\n<!-- end -->", results)
    assert "| q |\n|---|\n| 1 |\n" in new


def test_a_source_names_command_commit_and_machine(results: dict[str, Results]) -> None:
    new = tables.rewritten("<!-- source: n -->\n<!-- end -->\n", results)
    assert (
        "\nBy `python -m x` (2026-01-02, commit 0123456+, model m fffffff, A processor, 2 cores,"
        " load 0.5, carried over; [all figures](RESULTS/n.json)).\n"
    ) in new


@pytest.mark.parametrize(
    "page",
    [
        "<!-- table: n.first -->\nText.\n",
        "<!-- end -->\n",
        "<!-- table: n.first -->\n| a |\n<!-- end --> <!-- source: n -->\nText.\n<!-- end -->\n",
        "<!-- table: n.first -->\n<!-- source: n -->\n<!-- end -->\n",
    ],
)
def test_a_mark_without_an_end_loses_no_text(results: dict[str, Results], page: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        tables.rewritten(page, results)


@pytest.mark.parametrize(
    "mark", ["table: m.first", "table: n.third", 'table: n.first rows="c"', "table: n.first x=1"]
)
def test_a_mark_that_names_nothing_is_an_error(results: dict[str, Results], mark: str) -> None:
    with pytest.raises(KeyError):
        tables.rewritten(f"<!-- {mark} -->\n<!-- end -->", results)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_docs_say_what_the_results_say(path: Path) -> None:
    assert tables.page(path, load()) == path.read_text(encoding="utf-8"), (
        "run `python -m tools.bench.tables`"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.json")), ids=lambda p: p.stem)
def test_every_result_says_where_it_comes_from(path: Path) -> None:
    found = Results.from_json(path.read_text(encoding="utf-8"))
    assert found.command.startswith(("python -m tools.", "videocodec "))
    assert found.commit and found.date and found.tables
    assert all(len(digest) == 64 for digest in [*found.clips.values(), *found.model.values()])
    assert found.to_json() == path.read_text(encoding="utf-8")
