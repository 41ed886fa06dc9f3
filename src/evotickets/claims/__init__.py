"""Claims, the rules that decide them, and their verdicts: written down before the numbers are looked at."""

from evotickets.claims import hybrid, landscape, planting, strong, subspace, tickets
from evotickets.claims.page import SHOWN, page
from evotickets.claims.registry import CLAIMS, Claim, Tables, decide

__all__ = [
    "CLAIMS",
    "SHOWN",
    "Claim",
    "Tables",
    "decide",
    "hybrid",
    "landscape",
    "page",
    "planting",
    "strong",
    "subspace",
    "tickets",
]
