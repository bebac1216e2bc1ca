"""Rendered road scenes with exact truth."""
