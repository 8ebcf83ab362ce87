"""Headers → what they say about body part, side, view and age."""

from bodypart.headers.reader import read_headers
from bodypart.headers.vocabulary import Vocabulary, VocabularyError

__all__ = ["Vocabulary", "VocabularyError", "read_headers"]
