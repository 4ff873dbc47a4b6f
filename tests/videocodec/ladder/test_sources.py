"""Which sources count as the decoder's, and which coded bytes depend on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from videocodec.ladder.codecs import codec_named
from videocodec.ladder.sources import ROOT, needed_by

DECODER, ENCODER = "videocodec/decoder/frames.py", "videocodec/encoder/api.py"


def names(*modules: str) -> set[str]:
    return {file.relative_to(ROOT).as_posix() for file in needed_by(*modules)}


def test_all_that_decoding_loads_is_among_them() -> None:
    code = (
        "import sys, videocodec.decoder.frames\n"
        "print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {
        path.removeprefix(f"{ROOT}/") for path in done.stdout.split() if path.startswith(str(ROOT))
    }
    loaded = {path for path in loaded if path.startswith(("bitstream/", "videocodec/"))}
    own = names(DECODER)
    missing = {path for path in loaded - own if not path.endswith("__init__.py")}
    assert len(loaded) > 20
    assert missing == set()


@pytest.mark.parametrize(
    "folder", ["encoder", "calibration", "player", "terminal", "cli", "ladder", "training"]
)
def test_nothing_else_is_billed_as_the_decoder(folder: str) -> None:
    assert not [name for name in names(DECODER) if name.startswith(f"videocodec/{folder}/")]


def test_encodes_depend_on_encoder_and_decoder_and_not_on_players() -> None:
    found = names(ENCODER, DECODER)
    assert {ENCODER, DECODER, "videocodec/encoder/pipeline.py"} <= found
    others = ("videocodec/player/", "videocodec/terminal/", "videocodec/ladder/", "videocodec/cli/")
    assert not [name for name in found if name.startswith(others)]


def test_the_decoder_is_smaller_than_the_whole() -> None:
    code = codec_named("videocodec").decoder_bytes("embedded")["code"]
    whole = sum(
        file.stat().st_size
        for package in ("bitstream", "videocodec")
        for file in (ROOT / package).rglob("*.py")
    )
    assert 0 < code == sum(file.stat().st_size for file in needed_by(DECODER)) < whole / 2
