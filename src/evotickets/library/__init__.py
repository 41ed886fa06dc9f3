"""What `import evotickets` offers: the calls of a notebook, each one call of the house and a check of what it is given."""
