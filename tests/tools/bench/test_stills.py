"""Tables of a ladder of still pictures."""

from __future__ import annotations

import pytest

from tools.bench.stills import by_size, smallest


def record(picture: str, target: int | None, value: float, size: int) -> dict:
    return {
        "picture": picture,
        "codec": "jpeg",
        "target": target,
        "error": None,
        "quality": {"psnr_y": value},
        "picture_bytes": size,
        "file_bytes": size + 18,
    }


@pytest.fixture
def found() -> dict:
    return {
        "codecs": [{"name": "jpeg", "label": "JPEG"}, {"name": "webp", "label": "WebP"}],
        "figures": [{"name": "psnr_y", "decimals": 1}],
        "pictures": [{"name": "a"}, {"name": "b"}],
        "targets": [800, 400],
        "records": [
            record("a", 800, 30, 790),
            record("b", 800, 20, 780),
            record("a", 400, 10, 399),
            record("a", None, 9, 300),
            record("b", None, 8, 500),
        ],
    }


def test_a_mean_needs_every_picture(found: dict) -> None:
    assert by_size(found, "psnr_y").rows == [[800, 25, None], [400, None, None]]


def test_where_a_codec_ends(found: dict) -> None:
    assert smallest(found).rows == [["JPEG", 400, 418]]
