"""The second decoder of format version 1: plain Python, written from the specification alone."""
