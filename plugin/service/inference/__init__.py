"""Where the network runs, if not in the decoders: on an inference server, or on this machine's GPU.

A decoder asks back amid its task (`service.decoders.elsewhere`); what it hands over is run, and
answered.
"""
