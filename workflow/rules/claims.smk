# A verdict on every claim, by rules that were written down first (`claims` of every system).
#
# REQUIRED INPUTS: the tables and figures of the study, as far as it has them.
# OUTPUTS: {results}/claims/ with a table, a figure, a page and the record of each system.


wildcard_constraints:
    system="|".join(FILES),


rule claims:
    """Decide every claim about a system from its tables: effect, interval over seeds, verdict."""
    input:
        unpack(lambda wildcards: {name: FILES[wildcards.system].table(name) for name in FILES[wildcards.system].tables}),
        unpack(lambda wildcards: shown(wildcards.system)),
        records=lambda wildcards: FILES[wildcards.system].timed,
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
        runtime=growing(10),
    params:
        code=lambda wildcards: code(
            "claims",
            f"evotickets.systems.{wildcards.system}.tables",
            *systems.modules(wildcards.system, "claims"),
            *systems.own_claims(wildcards.system),
        ),
        system="{system}",
        experiment=experiment("claims"),
        evidence=lambda wildcards: FILES[wildcards.system].evidence,
    script:
        "../scripts/claims.py"
