# evotickets: lottery tickets beyond backpropagation.
#
#   snakemake --configfile config/config.yaml --cores 2
#
# Science is in config/, runtime in workflow/profiles/, one file of rules per system in workflow/rules/.


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/tickets_files.smk"
include: "workflow/rules/tickets.smk"
include: "workflow/rules/transfers_files.smk"
include: "workflow/rules/transfers.smk"
include: "workflow/rules/landscape_files.smk"
include: "workflow/rules/landscape.smk"
include: "workflow/rules/planting_files.smk"
include: "workflow/rules/planting.smk"
include: "workflow/rules/strong_files.smk"
include: "workflow/rules/strong.smk"
include: "workflow/rules/hybrid_files.smk"
include: "workflow/rules/hybrid.smk"
include: "workflow/rules/subspace_files.smk"
include: "workflow/rules/subspace.smk"
include: "workflow/rules/claims_files.smk"
include: "workflow/rules/claims.smk"


rule all:
    default_target: True
    input:
        TICKETS_TARGETS,
        TRANSFERS_TARGETS,
        LANDSCAPE_TARGETS,
        PLANTING_TARGETS,
        STRONG_TARGETS,
        HYBRID_TARGETS,
        SUBSPACE_TARGETS,
        CLAIMS_TARGETS,
