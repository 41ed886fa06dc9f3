# A verdict on every claim, by rules that were written down first (src/evotickets/claims/).
#
# REQUIRED INPUTS: the tables of the study, as far as it has them.
# OUTPUTS: {results}/tables/claims.parquet; {results}/claims/ with a figure, a page and the record.
# STEPS: claims


CLAIM_TABLES = {"scores": rules.tickets_table.output.table}
if TICKETS.transfers:
    CLAIM_TABLES["transfers"] = rules.transfers_table.output.table
if LANDSCAPE.chains:
    CLAIM_TABLES |= {name: f"{RESULTS}/tables/{name}.parquet" for name in ("barriers", "flatness", "diversity")}


rule claims:
    """Decide every claim from the tables: effect, interval over seeds, verdict."""
    input:
        **CLAIM_TABLES,
    output:
        table=ensure(f"{RESULTS}/tables/claims.parquet", non_empty=True),
        figure=report(
            f"{RESULTS}/claims/claims.svg",
            caption="../report/claims.rst",
            category="Claims",
            labels={"claims": "effects and verdicts"},
        ),
        page=report(
            f"{RESULTS}/claims/claims.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"claims": "statements, sources and rules"},
        ),
        record=f"{RESULTS}/claims/record.parquet",
    log:
        f"{LOGS}/claims.log",
    benchmark:
        f"{BENCHMARKS}/claims.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("claims"),
        experiment=experiment("claims"),
        gradient=sorted({name for (_, name), s in TICKETS.settings.items() if s["strategy"] in studies.GRADIENT}),
    script:
        "../scripts/claims.py"


CLAIMS_TARGETS = [*rules.claims.output]
