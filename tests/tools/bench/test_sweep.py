"""The sweep: what agrees with PyAV is one value, what does not is two."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from tools.bench import oddities, sweep
from tools.bench.results import load


def test_files_that_agree_and_files_that_do_not(tmp_path: Path) -> None:
    for name in ("plain.ts", "mirrored.mp4", "uneven_times.mp4"):
        oddities.CLIPS[name].write(tmp_path / name)
    (tmp_path / "joined.ts").write_bytes((tmp_path / "plain.ts").read_bytes() * 2)
    (tmp_path / "text.mp4").write_bytes(b"text" * 40)
    rows = {path.name: sweep.row(path)[1:] for path in tmp_path.iterdir()}
    assert rows["uneven_times.mp4"] == ["12", "same", "23", "64×48", "0", ""]
    assert rows["mirrored.mp4"][4] == "0 (PyAV -180)"
    assert rows["joined.ts"][0] == "24" and rows["joined.ts"][1].startswith("up to 0.4")
    assert "clock" in rows["joined.ts"][5]
    assert rows["text.mp4"][0] == "0" and rows["text.mp4"][5].startswith("refused: ")


def test_times_are_compared_one_by_one() -> None:
    assert sweep.times_compared([Fraction(0), Fraction(1)], [Fraction(0), Fraction(1)]) == "same"
    assert sweep.times_compared([Fraction(1)], [Fraction(3, 2)]) == "up to 0.500 s apart"
    assert sweep.times_compared([Fraction(0)], [None]) == "made up"
    assert sweep.times_compared([], [Fraction(0)]) == "–"


def test_the_stored_table_has_every_oddity() -> None:
    table = load()["sweep"].tables["files"]
    made = {*oddities.CLIPS, *oddities.DERIVED}
    assert {values[0] for values in table.rows} == made
