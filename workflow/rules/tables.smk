# Tidy tables of the whole study: the parts of each, one after another.
#
# REQUIRED INPUTS: the tables of cells or chains (`tables` of every system's files).
# OUTPUTS: {results}/tables/{table}.parquet

TABLES = {
    table: (f"evotickets.systems.{system}.tables", parts)
    for system, files in FILES.items()
    for table, parts in files.tables.items()
} | {"claims": ("evotickets.results.tables", expand(f"{DECIDED}/claims.parquet", system=FILES))}


wildcard_constraints:
    table="|".join(TABLES),


rule table:
    """Put the parts of a table of the study into one file."""
    input:
        parts=lambda wildcards: TABLES[wildcards.table][1],
    output:
        table=ensure(f"{RESULTS}/tables/{{table}}.parquet", non_empty=True),
    log:
        f"{LOGS}/tables/{{table}}.log",
    benchmark:
        f"{BENCHMARKS}/tables/{{table}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=lambda wildcards: code("table", TABLES[wildcards.table][0]),
        module=lambda wildcards: TABLES[wildcards.table][0],
        config=study.config,
    script:
        "../scripts/table.py"
