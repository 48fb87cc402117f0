"""Rows of the results: which of them, and their means."""

import math

import numpy as np


def select(rows, **wanted):
    """Those of the wanted values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def mean(rows, name):
    """NaN where nothing is known."""
    values = [row[name] for row in rows if name in row]
    return float(np.mean(values)) if values else math.nan


def over_seeds(rows, name):
    """The mean of every seed."""
    return np.array([mean(select(rows, seed=seed), name) for seed in seeds_of(rows)])


def seeds_of(rows):
    """In order."""
    return sorted({row["seed"] for row in rows})
