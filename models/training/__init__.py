"""Training, evaluation and export of the image model; needs the ``train`` extra."""
