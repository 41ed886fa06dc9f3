"""Parquet is the record: tidy tables, tickets, and what a job tells the tracking store."""

from evotickets.networks.tickets import Tensors, Ticket
from evotickets.results.records import RECORD, Metric, Record, read_record, write_record
from evotickets.results.tables import (
    CLAIMS,
    HISTORY,
    MASK,
    SCHEMAS,
    Schema,
    check_table,
    code_version,
    library_versions,
    read_metadata,
    read_optional,
    read_table,
    register,
    write_table,
)
from evotickets.results.tickets import TICKET, read_ticket, write_ticket
from evotickets.sealed import ResultError

__all__ = [
    "CLAIMS",
    "HISTORY",
    "MASK",
    "RECORD",
    "SCHEMAS",
    "TICKET",
    "Metric",
    "Record",
    "ResultError",
    "Schema",
    "Tensors",
    "Ticket",
    "check_table",
    "code_version",
    "library_versions",
    "read_metadata",
    "read_optional",
    "read_record",
    "read_table",
    "read_ticket",
    "register",
    "write_record",
    "write_table",
    "write_ticket",
]
