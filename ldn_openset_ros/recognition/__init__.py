"""The recognition modules that the paper compares (Figures 3 and 5, Table 1), one a file."""
