"""Tasks that stand-in decoders know in tests; of an answer to them any will do within bounds."""

from service.decoders import answers


def take(*tasks):
    """Have answers to some tasks taken as they come."""
    for task in tasks:
        answers._EXPECTED[task] = answers._Expected(lambda *_: None, header=2**20, payload=2**26)
