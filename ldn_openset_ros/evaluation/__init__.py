"""Measuring models over data sets."""
