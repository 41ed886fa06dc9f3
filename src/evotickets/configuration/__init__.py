"""Configuration files: reading them, and the schema they are held against."""
