"""The decoder around the exact latents: restoration, autoencoder, pictures."""
