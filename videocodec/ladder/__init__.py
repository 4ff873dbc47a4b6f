"""``videocodec ladder``: this codec beside others at many bitrates, with figures, plots and a
report.
"""
