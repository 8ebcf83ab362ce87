"""Who finds what is to do, and who does it: the table of tasks lies between them."""
