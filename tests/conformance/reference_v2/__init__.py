"""A second decoder of format version 2, a draft: plain Python, written from FORMAT-2.md."""
