"""A small bundle on disk: the embedded one's tables, and an untrained autoencoder of the same
channels.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from videocodec.models.bundle import BUNDLES, TABLES_FILE
from videocodec.models.latent_autoencoder import LatentAutoencoder


def small_autoencoder(channels: int = 16) -> LatentAutoencoder:
    """Eight wide and one block deep."""
    torch.manual_seed(0)
    return LatentAutoencoder(channels, 8, 8, 1, 1, 1, 1, 1).eval()


@pytest.fixture
def autoencoder() -> LatentAutoencoder:
    """An untrained autoencoder of 16 channels."""
    return small_autoencoder()


@pytest.fixture
def folder(tmp_path: Path, autoencoder: LatentAutoencoder) -> Path:
    """A complete bundle that a test may damage."""
    folder = tmp_path / "small"
    autoencoder.save_pretrained(str(folder / "vae"))
    (folder / "codec").mkdir()
    shutil.copy(BUNDLES / "embedded" / TABLES_FILE, folder / TABLES_FILE)
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "VideoCodecBundle", "vae": ["videocodec", "LatentAutoencoder"]})
    )
    return folder
