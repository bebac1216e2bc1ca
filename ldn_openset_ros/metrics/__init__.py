"""Measures: ranking of outlier scores and segmentation quality."""
