"""What tools/fuzz/__main__.py runs: targets, what each of them asserts, and the inputs they begin with."""
