"""What the service does with people's words besides writing them down: the decoders learn them.

`sightings` keeps what the model saw in each picture, `words` what people said of some of them;
`lessons` learns from both and hands the result to the decoders, `follow` keeps that going, and
`alike` answers which pictures are like one, or teach most.
"""
