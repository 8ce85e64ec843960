"""Measurements; run by ``make bench-…`` on a machine that does nothing else."""
