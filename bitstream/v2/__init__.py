"""Format version 2, a draft: levels around the conditional mean, first slices in lattice order.
Its bytes are not frozen; the encoder writes them for models that ask for them.
"""
