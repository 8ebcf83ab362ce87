"""Allows tests' stand-in decoders further tasks, with any answer within bounds of size."""

from service.decoders import answers


def take(*tasks):
    """Accept any answer to some tasks."""
    for task in tasks:
        answers._EXPECTED[task] = answers._Expected(lambda *_: None, header=2**20, payload=2**26)
