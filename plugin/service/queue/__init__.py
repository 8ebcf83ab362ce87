"""What is still to do: one table of tasks, and who has claimed which."""
