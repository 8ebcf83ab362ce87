"""Picture and headers → one answer: how far each is believed, and when a person is asked.

`fuse` joins what `confusion` makes of the picture and `misnaming` of the headers. Side and age have
rules of their own (`sides`, `ages`). How often picture and headers are wrong is measured, never
guessed: `bodypart.error_rates`.
"""
