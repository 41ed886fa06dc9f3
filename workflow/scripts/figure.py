"""Draw a figure from tables of the study."""

from evotickets import jobs, results
from evotickets.figures import drawing
from evotickets.systems import registry


def main(inputs, path, wildcards, system, module, name, facts):
    schemas = registry.tables(system).TABLES
    tables = {table: results.read_table(file, schema=schemas[table]) for table, file in inputs.items()}
    drawing.draw(module, name, tables, path, wildcards, facts)


with jobs.job(snakemake) as job:
    main(snakemake.input, snakemake.output.figure, dict(snakemake.wildcards), **job.params)
