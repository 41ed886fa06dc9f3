"""Which weights are kept: scores, criteria at initialisation, exact cuts, and controls."""
