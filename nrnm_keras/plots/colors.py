"""Colors that color-blind readers can tell apart."""

# The palette of Okabe and Ito (2008) without its yellow, which is too light for lines.
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY_BLUE, BLACK = "#CC79A7", "#56B4E9", "#000000"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY_BLUE, BLACK)
