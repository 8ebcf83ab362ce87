"""The databases: their tables, how they are opened, and how older ones become these."""
