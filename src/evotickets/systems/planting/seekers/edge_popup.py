"""Seekers that never move a weight: they train scores of frozen weights, and keep the largest."""

from evotickets.supermasks.edge_popup import edge_popup
from evotickets.supermasks.gem_miner import gem_miner
from evotickets.systems.planting import seeker

seeker(edge_popup)
seeker(gem_miner)
