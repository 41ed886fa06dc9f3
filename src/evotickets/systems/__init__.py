"""The five systems, a folder each; `registry` lists them."""
