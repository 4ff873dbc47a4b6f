"""Pictures of the documentation and sample clips: ``python -m tools.pictures.NAME``."""
