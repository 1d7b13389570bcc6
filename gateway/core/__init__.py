"""The slouch-detection core: numpy, pure, no I/O, no clock. Time is an argument."""
