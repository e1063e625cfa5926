"""Where a classifier looks: class activation maps, and whether they matter to it."""
