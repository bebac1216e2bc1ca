"""Network: backbones, pyramid pooling, ladder, heads, checkpoints."""
