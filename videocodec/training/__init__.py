"""Training of the networks: losses, data, the loop, checkpoints, and what is trained with them."""
