"""Format version 2: levels around the conditional mean, first slices in lattice order, and
pictures that move between exact networks.
"""
