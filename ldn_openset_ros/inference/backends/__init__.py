"""Ways to run a network: each maps uint8 pixels to logits, equal but for rounding."""
