"""Figures: their style, and the one that all systems share."""
