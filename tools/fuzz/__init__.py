"""What ``python -m tools.fuzz`` runs: targets, what each of them asserts, the inputs they begin
with.
"""
