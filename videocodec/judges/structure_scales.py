"""The constants of structural similarity (Wang et al. 2004) and of its scales (Wang, Simoncelli,
Bovik 2003).
"""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # each half as fine as the one before
WINDOW, SIGMA = 11, 1.5  # px
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
LUMA = (0.299, 0.587, 0.114)  # BT.601
