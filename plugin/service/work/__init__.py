"""The modules that find work and those that do it; between them is the table of tasks."""
