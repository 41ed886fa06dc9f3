# A verdict on every claim, by rules that were written down first (src/evotickets/claims/).
#
# REQUIRED INPUTS: the tables and figures of the study, as far as it has them.
# OUTPUTS: {results}/claims/ with a table, a figure, a page and the record of each system; {results}/tables/claims.parquet.
# STEPS: claims (a job for each system) → claims_table


wildcard_constraints:
    system="|".join(SYSTEMS),


rule claims:
    """Decide every claim about a system from its tables: effect, interval over seeds, verdict."""
    input:
        unpack(claim_tables),
        unpack(claim_figures),
        times=claim_records,
    output:
        table=ensure(f"{DECIDED}/claims.parquet", non_empty=True),
        figure=report(
            f"{DECIDED}/claims.svg",
            caption="../report/claims.rst",
            category="Claims",
            labels={"system": "{system}", "claims": "effects and verdicts"},
        ),
        page=report(
            f"{DECIDED}/claims.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"system": "{system}", "claims": "statements, sources and rules"},
        ),
        record=f"{DECIDED}/record.parquet",
    log:
        f"{LOGS}/claims/{{system}}.log",
    benchmark:
        f"{BENCHMARKS}/claims/{{system}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("claims"),
        system="{system}",
        experiment=experiment("claims"),
        gradient=sorted({name for (_, name), s in TICKETS.settings.items() if s["trainer"] in studies.GRADIENT}),
        entries=claim_entries,
    script:
        "../scripts/claims.py"


rule claims_table:
    """Put the verdicts on all systems into one table."""
    input:
        tables=expand(f"{DECIDED}/claims.parquet", system=SYSTEMS),
    output:
        table=ensure(f"{RESULTS}/tables/claims.parquet", non_empty=True),
    log:
        f"{LOGS}/claims/table.log",
    benchmark:
        f"{BENCHMARKS}/claims/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("claims_table"),
        config=study.config,
    script:
        "../scripts/claims_table.py"


CLAIMS_TARGETS = [
    *expand(
        f"{DECIDED}/{{file}}", system=SYSTEMS, file=["claims.parquet", "claims.svg", "claims.html", "record.parquet"]
    ),
    *rules.claims_table.output,
]
