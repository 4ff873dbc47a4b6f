"""The restoration stage: so far the identity, behind the interface a network will have."""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.decoder.latents import LatentStream
from videocodec.restoration.base import IdentityRestoration, Restoration


def test_the_identity_gives_the_latents_as_they_are(coded_movie) -> None:
    window = list(LatentStream(coded_movie.coded).frames())[:6]
    restored = IdentityRestoration().restore(window, 2, 3)
    assert (restored.shape, restored.dtype) == ((3, *window[0].latent.latents.shape), np.float32)
    for frame, latents in zip(window[2:5], restored, strict=True):
        assert np.array_equal(frame.latent.latents, latents)


def test_it_needs_no_neighbours() -> None:
    assert IdentityRestoration().reach == 0


def test_a_restoration_must_say_how_far_it_reaches() -> None:
    class Incomplete(Restoration):
        def restore(self, window, first, count):
            return np.zeros((count, 1, 1, 1))

    with pytest.raises(TypeError, match="reach"):
        Incomplete()
