"""Where the network runs, if not in the decoders: on an inference server, or on this machine's GPU.

A decoder asks back amid its task; what it hands over is looked at (`seam`), run, and answered.
"""
