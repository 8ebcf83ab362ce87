"""What was said of each instance, in order of truth: audit trail, metadata, index, roll-ups."""
