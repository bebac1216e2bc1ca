"""The paper's tables and figure on the data a user has: trained, measured, set beside its own."""
