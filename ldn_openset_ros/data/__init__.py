"""Readers of data sets, negatives, pasting and transforms."""
