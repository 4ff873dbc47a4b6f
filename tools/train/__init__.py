"""Training and calibration from the command line: ``python -m tools.train.NAME``."""
