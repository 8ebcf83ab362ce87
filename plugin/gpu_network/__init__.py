"""One process that runs the network for all decoders of a machine, where it has a GPU.

Files never reach it, only pictures of a known shape; it is locked down as decoders are, with the
GPU's devices open in addition.
"""
