"""The process that looks at pictures: one DICOM file in, one answer out, over a pipe.

It may be taken over by a hostile file, so it can reach nothing. The other side of the pipe uses
`decoder.wire` and `decoder.shelf` alone.
"""
