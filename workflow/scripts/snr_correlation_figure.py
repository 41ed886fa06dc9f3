"""Draw how long the signal-to-noise ratios of one task are remembered."""

from evotickets import jobs, results
from evotickets.systems.tickets import landscape_figures


def main(snr_correlation, figure, task):
    table = results.read_table(snr_correlation, schema=results.SNR_CORRELATION)
    landscape_figures.snr_correlation(
        table[table["task"] == task], figure, f"{task}: memory of the signal-to-noise ratio"
    )


with jobs.job(snakemake):
    main(**snakemake.input, **snakemake.output, task=snakemake.wildcards.task)
