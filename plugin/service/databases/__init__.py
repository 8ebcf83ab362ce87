"""The databases: their tables, how they are opened, and how older ones are migrated."""
