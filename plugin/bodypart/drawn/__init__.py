"""Pictures for people: a decoder's answer as a thumbnail, a heat map, a graymap."""
