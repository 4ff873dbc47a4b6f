"""Makes the pictures of the documentation and the sample clips: ``python -m tools.pictures.NAME``."""
