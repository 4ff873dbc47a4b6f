"""The benchmark of codebooks: entries are found again, entropies are those by hand, and larger
codebooks come nearer.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tools.bench import codebook
from tools.bench.results import Results


def test_entries_that_vectors_lie_around_are_found() -> None:
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    noise = torch.randn(300, 2, generator=torch.Generator().manual_seed(1)) / 10
    vectors = centres.repeat(100, 1) + noise
    entries = codebook.fitted(vectors, 3)
    assert (torch.cdist(centres, entries).min(1).values < 0.2).all()
    numbers = codebook.nearest(vectors, entries)
    assert torch.equal(numbers[:3], numbers[3:6]) and len(set(numbers[:3].tolist())) == 3


def test_the_entropy_of_numbers() -> None:
    assert codebook.entropy(torch.tensor([4, 4, 4])) == 0
    assert codebook.entropy(torch.tensor([0, 7, 0, 7])) == pytest.approx(4)


def test_more_entries_come_nearer(
    tmp_path: Path, write_movie, texture, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, clips = tmp_path / "images", tmp_path / "clips"
    for folder in (images, clips):
        folder.mkdir()
    cv2.imwrite(str(images / "a.png"), texture(96, 112, 1))
    write_movie(clips / "a.mp4", np.stack([texture(48, 64, 2)] * 2))
    monkeypatch.setattr(codebook, "CODEBOOKS", (2, 64))
    monkeypatch.setattr(codebook, "CRFS", (48,))
    options = ["--images", str(images), "--clips", str(clips)]
    assert codebook.main([*options, "--results", str(tmp_path / "a.json")]) == 0
    rows = Results.from_json((tmp_path / "a.json").read_text()).tables["codebook"].rows
    few, many, codec = (row[1:] for row in rows)
    assert few[0] < many[0] and few[1] < many[1] and codec[0] > 0
