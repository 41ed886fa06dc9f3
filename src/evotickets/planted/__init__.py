"""Known tickets hidden in random networks: a library on which the systems of planting and of strong tickets stand."""

KEPT, PRUNED = "kept", "pruned"
"""What becomes of biases: all are kept and nobody counts them, or they are scored, counted and pruned as weights are."""
