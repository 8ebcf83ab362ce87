"""What is answered below `/bodypart`: one router a subject."""
