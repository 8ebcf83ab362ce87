"""What is still to do: one table of tasks, and who fills it."""
