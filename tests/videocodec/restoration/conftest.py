"""A bundle that restores."""

from __future__ import annotations

import pytest

from videocodec.models.bundle import ModelBundle

from ..stock_models import temporal_bundle

DEVIATION = 2.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The embedded autoencoder and tables with an untrained UNet."""
    return ModelBundle.find(
        temporal_bundle(
            tmp_path_factory.mktemp("bundles") / "restoring", trained=False, deviation=DEVIATION
        )
    )
