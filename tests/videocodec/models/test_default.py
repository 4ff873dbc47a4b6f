"""The model that encodes for those who name none."""

from __future__ import annotations

from bitstream.formats import format_of
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.models.files import BUNDLES, names_in


def test_it_is_in_the_package_and_writes_a_version_that_is_frozen() -> None:
    assert DEFAULT_MODEL in names_in(BUNDLES)
    assert format_of(ModelBundle.find(DEFAULT_MODEL).tables.format_version).is_frozen
