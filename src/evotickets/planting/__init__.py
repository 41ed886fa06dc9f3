"""Planting: hide a known ticket in a random network and see who finds it."""
