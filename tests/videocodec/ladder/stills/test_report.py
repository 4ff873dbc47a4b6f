"""The report and the tables of a ladder of still pictures."""

from __future__ import annotations

import copy
import re
from pathlib import Path

from videocodec.ladder.stills.pictures import read_pictures
from videocodec.ladder.stills.report import write_report
from videocodec.ladder.stills.tables import as_csv, terminal

from .conftest import StillLadder


def test_the_page_holds_every_picture_and_fetches_nothing(still_ladder_made: StillLadder) -> None:
    page = (still_ladder_made.folder / "report.html").read_text()
    records = still_ladder_made.results["records"]
    assert page.count('src="data:image/webp;base64,') == 1 + len(records)
    assert not re.search(r'(src|href)="(?!data:)', page)
    for one in records:
        assert f"<b>{one['picture_bytes']} B</b>, whole file {one['file_bytes']} B" in page
    assert "none so small" in page


def test_nothing_in_a_name_becomes_markup(
    still_ladder_made: StillLadder, picture_path: Path, tmp_path: Path
) -> None:
    results = copy.deepcopy(still_ladder_made.results)
    results["notes"].append("<b>bold</b>")
    for one in results["records"]:
        one["decoded"] = str(still_ladder_made.folder / one["decoded"])
    page = write_report(results, {"disc": read_pictures([picture_path])[0]}, tmp_path).read_text()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page


def test_the_table_has_a_line_for_every_record(still_ladder_made: StillLadder) -> None:
    results = still_ladder_made.results
    shown = terminal(results)
    for one in results["records"]:
        line = next(line for line in shown.splitlines() if line.startswith(f"{one['id']} "))
        assert f"{one['picture_bytes']}" in line
        assert line.rstrip().endswith("–")
    assert as_csv(results).splitlines()[0].startswith("id,picture,codec,target,setting")


def test_the_table_says_what_failed(still_ladder_made: StillLadder) -> None:
    results = copy.deepcopy(still_ladder_made.results)
    results["records"][0] |= {"error": "it broke"}
    assert "failed: disc, webp: it broke" in terminal(results)
