"""A corpus of simulated workdays: what a clip's sensor feels over a day at a desk, what is true of it, and how well the
line from fusion to reminder does on it. Everything here is simulated; nobody wore a clip."""
