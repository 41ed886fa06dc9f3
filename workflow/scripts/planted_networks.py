"""Draw a planted network and what every seeker found of it, for the first seed."""

import numpy as np

from evotickets import jobs, results
from evotickets.networks import layout
from evotickets.planted import mother
from evotickets.systems.planting import figures


def main(planted, masks, path, place, target, seekers):
    network = mother.describe(target["target"], int(place.depth), target["width"])

    def layers(tensors: dict) -> list[np.ndarray]:
        return [tensors[f"{layer.name}/kernel"][0] for layer in network.layers]

    found = {}
    for seeker, file in zip(seekers, masks, strict=True):
        flat = results.read_table(file, schema=results.MASK)["mask"][0]
        found[seeker] = layers(layout.unflatten(network, np.asarray(flat, bool)[None]))
    title = f"{place.target}, depth {int(place.depth)}: planted edges, found and missed"
    figures.planted_networks(layers(results.read_ticket(planted).mask), found, path, title)


with jobs.job(snakemake) as job:
    main(snakemake.input.planted, snakemake.input.masks, snakemake.output.figure, snakemake.wildcards, **job.params)
