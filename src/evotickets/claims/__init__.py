"""Claims, the rules that decide them, and their verdicts: written down before the numbers are looked at."""
