# The workflow is workflow/Snakefile; this file is where Snakemake looks first, and `profiles` leads it to workflow/profiles.
include: "workflow/Snakefile"


# What is included sets no default target.
workflow.default_target = "all"
