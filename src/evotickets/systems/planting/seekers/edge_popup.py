"""Seekers that never move a weight: they train scores of frozen weights, and keep the largest."""

from evotickets.supermasks import frozen
from evotickets.systems.planting import seeker

for _function in (frozen.edge_popup, frozen.gem_miner):
    seeker(_function)
