# Where the files of transferred tickets lie, and which of them a rule needs.

TRANSFERRED = f"{RESULTS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}"


def transferred_files(name, **where):
    """A file of every level of every transfer, or of those at a place."""
    return [
        f"{TRANSFERRED}/level{level:02d}/{name}.parquet".format(**vars(transfer))
        for transfer in TICKETS.transfers
        if all(getattr(transfer, key) == value for key, value in where.items())
        for level in transfer.levels
    ]


def transferred_levels(wildcards):
    """The levels of one transfer."""
    (transfer,) = (t for t in TICKETS.transfers if all(getattr(t, key) == v for key, v in wildcards.items()))
    return list(transfer.levels)


def all_transferred_files():
    """Every result of the transfers; none where a study has none."""
    if not TICKETS.transfers:
        return []
    return [
        *(file for name in ("ticket", "scores", "history", "record") for file in transferred_files(name)),
        *(
            f"{TRANSFERRED}/{name}".format(**vars(transfer))
            for transfer in TICKETS.transfers
            for name in ("chain.parquet", "record.parquet", "training_curves.svg")
        ),
        f"{RESULTS}/tables/transfers.parquet",
        *dict.fromkeys(f"{RESULTS}/figures/transfers/{t.task}_transfers.svg" for t in TICKETS.transfers),
    ]
