# Figures that are drawn from tables of the study: a rule for each, made of what its function declares
# (src/evotickets/figures/declaration.py). Other figures are outputs of the rules that have what they are drawn from.
#
# REQUIRED INPUTS: {results}/tables/
# OUTPUTS: {results}/figures/

for system, name in [(s, n) for s, figures in FIGURES.items() for n, figure in figures.items() if figure.tables]:

    rule:
        name:
            f"{system}_{name}"
        input:
            **{table: FILES[system].table(table) for table in FIGURES[system][name].tables},
        output:
            figure=drawn(system, name),
        log:
            f"{LOGS}/{Path(FIGURES[system][name].path).with_suffix('.log')}",
        benchmark:
            f"{BENCHMARKS}/{Path(FIGURES[system][name].path).with_suffix('.jsonl')}"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
        params:
            code=code("figure", f"{FIGURES[system][name].module}:{name}", f"evotickets.systems.{system}.tables"),
            system=system,
            module=FIGURES[system][name].module,
            name=name,
            facts=facts(system, name),
        script:
            "../scripts/figure.py"
