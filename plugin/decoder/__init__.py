"""The process that reads pictures: one DICOM file in, one answer out, over a pipe.

A hostile file may take it over, so it can reach nothing. The other side of the pipe uses only
`decoder.wire` and `decoder.shelf`.
"""
