"""One process that runs the network for all decoders of a machine with a GPU.

It gets no files, only pictures of a known shape. It is locked down like the decoders, but may also
use the GPU's devices.
"""
