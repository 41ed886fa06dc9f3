"""Draw the first cut of a chain through the weights of its first seed."""

import numpy as np

from evotickets import jobs, results
from evotickets.systems.tickets import figures


def kernels(tensors: dict, names: list[str]) -> np.ndarray:
    return np.concatenate([tensors[name][0].ravel() for name in names])


def main(before: str, after: str, path: str, place) -> None:
    dense, cut = results.read_ticket(before), results.read_ticket(after)
    names = list(cut.mask)
    title = f"{place.task}, {place.trainer}, {place.criterion}: first cut, seed {cut.seeds[0]}"
    mean, std = kernels(dense.mean, names), kernels(dense.std, names)
    figures.snr_against_magnitude(np.abs(mean), std, kernels(cut.mask, names), path, title)


with jobs.job(snakemake):
    main(*snakemake.input.tickets, snakemake.output.figure, snakemake.wildcards)
