"""Between exact latents and the autoencoder: what improves decoded latents, and never feeds back.

The decoder runs it to show pictures, the encoder to see what it may leave to it.
"""
