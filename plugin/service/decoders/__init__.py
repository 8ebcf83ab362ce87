"""The pool of decoders, the processes that take the blow of a hostile file."""
