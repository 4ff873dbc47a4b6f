"""A second decoder of format version 2: plain Python, written from FORMAT-2.md."""
