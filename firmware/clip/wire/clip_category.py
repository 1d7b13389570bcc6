"""The category of a second. The order is the precedence: the first that matches wins (design: honest coverage)."""

PAUSED = 0
LOST = 1
NOT_WORN = 2
UNCALIBRATED = 3
MOVING = 4
LYING = 5
LEANING_BACK = 6
LEANING_LEFT = 7
LEANING_RIGHT = 8
SLOUCHED = 9
UPRIGHT = 10
COUNT = 11
