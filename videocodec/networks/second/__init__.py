"""The second autoencoder: 48 channels in slices, most of its work at 1/16 resolution, and levels
around the conditional mean.
"""
