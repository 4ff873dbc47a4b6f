"""Format version 2, frozen: levels around the conditional mean, first slices in lattice order, and
pictures that move between exact networks.

Its files decode to the same integers for ever (tests/conformance/v2), so nothing here may change
what bytes mean.
"""
