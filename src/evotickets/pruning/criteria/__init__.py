"""All criteria: one registered function each, in a module of this package."""
