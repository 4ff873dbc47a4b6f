"""Frames between coded frames: made of both neighbours along the coded motion, without a bit."""
