"""Digests of code, by which a job runs again when what it computes has changed, and for no other reason."""

from evotickets.code.digests import Code

__all__ = ["Code"]
