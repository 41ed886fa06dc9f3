"""Planting: hide a known ticket in a random network and see who finds it."""

DENSE, PLANTED = "dense", "planted"
"""Seekers that seek nothing: they keep every edge, or know the ticket."""

TICKET = "ticket"
"""The density of the planted ticket, where a density is asked for."""
