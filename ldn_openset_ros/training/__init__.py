"""Losses, optimiser, batches and the training loop."""
