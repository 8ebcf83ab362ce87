"""The letter finder: side markers drawn on real films train it, markers read by eye measure it."""
