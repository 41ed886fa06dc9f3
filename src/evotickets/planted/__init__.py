"""Known tickets hidden in random networks: a library on which the systems of planting and of strong tickets stand."""
