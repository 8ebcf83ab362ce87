"""The queue of work: one table of tasks, and who has claimed which."""
