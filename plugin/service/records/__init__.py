"""The records on each instance, the most authoritative first: trail, metadata, index, roll-ups."""
