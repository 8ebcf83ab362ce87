"""What the service does with people's words besides writing them down: the decoders learn them.

`sightings` keeps what the model saw in each picture, `words` what people said of some of them;
`follow` has both learned from, and the decoders taught (`service.decoders.lessons`), and `alike`
answers which pictures are like one, or teach most.
"""
