"""``videocodec info`` and ``verify``: shares of provenance, damage, models that are not here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videocodec.cli import main

from .program import run


def test_info_tells_shares_in_text_and_json(
    coded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(coded), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["provenance"]) == [
        "transmitted",
        "predicted",
        "generated",
        "concealed",
    ] and sum(told["provenance"].values()) == pytest.approx(1)
    assert (
        set(told["provenance_by_kind"]) == {"keyframe", "inter"}
        and told["provenance_unavailable"] is None
    )
    assert main(["info", str(coded)]) == 0
    (content,) = (
        line for line in capsys.readouterr().out.splitlines() if line.startswith("content ")
    )
    assert content.startswith(
        f"content   {100 * told['provenance']['transmitted']:.1f} % transmitted, "
    )
    assert ", 0 % generated; inter frames: " in content
    assert main(["info", str(coded), "--headers-only"]) == 0
    captured = capsys.readouterr()
    assert "content   unknown: only the headers were read\n" in captured.out and captured.err == ""
    assert main(["info", str(coded), "--headers-only", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"] is None


def test_info_of_a_damaged_file_tells_what_it_can_and_why_no_more(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(coded.read_bytes())
    data[data.rindex(b"LVID") + 200] ^= 0x10
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    assert main(["info", str(damaged), "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    # its only keyframe is gone
    assert told["frames"] == told["lost_frames"] == 12 and told["lost"][0]["method"] == "grey"
    assert (told["provenance"], told["provenance_unavailable"]) == (None, "no frame can be decoded")
    assert captured.err == f"videocodec: warning: {damaged}: {told['damage']}\n"


def test_info_without_the_model_says_so_on_standard_error(
    coded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videocodec.decoder.latents.available", lambda: ())
    assert main(["info", str(coded)]) == 0
    captured = capsys.readouterr()
    assert "12 in 0.480 s" in captured.out
    assert (
        captured.err.startswith(
            f"videocodec: warning: {coded}: no provenance: stream needs model embedded"
        )
        and captured.err.count("\n") == 1
    )
    assert main(["info", str(coded), "--model", "nonesuch"]) == 1
    assert "unknown model 'nonesuch'" in capsys.readouterr().err


def test_verify_fails_for_a_flipped_byte(coded: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mp4"
    data = bytearray(coded.read_bytes())
    at = data.rindex(b"LVID") + 200  # inside the keyframe's payload
    data[at] ^= 0x10
    damaged.write_bytes(data)
    done = run("verify", damaged)
    assert done.returncode == 1
    assert "checksum" in done.stderr and "Traceback" not in done.stderr
    told = run("verify", damaged, "--json")
    assert (
        told.returncode == 1
        and json.loads(told.stdout)["ok"] is False
        and "checksum" in json.loads(told.stdout)["problems"][0]
    )
