"""MLflow as a view of the records: syncing again changes nothing, and deleting the store and syncing rebuilds it."""

from evotickets.tracking.database import prepare
from evotickets.tracking.store import Report
from evotickets.tracking.updates import follow, record_files, sync

__all__ = ["Report", "follow", "prepare", "record_files", "sync"]
