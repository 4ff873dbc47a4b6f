"""What tools/fuzz.py runs: targets, what each of them asserts, and the inputs they begin with."""
