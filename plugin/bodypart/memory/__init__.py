"""The memory of confirmed pictures: people's words here correct the model's later answers.

`Memory` keeps the words and learns; it belongs to the service. `Recall` applies what was learned to
one picture; it belongs to the decoders and gets updates of the memory. Nothing is trained: the
network stays as it is, and a word taken back leaves no trace.
"""

from bodypart.memory.memory import Memory
from bodypart.memory.recall import Recall, Recollection
from bodypart.memory.words import MemoryFormatError, Word, pack_seen, unpack_seen

__all__ = [
    "Memory",
    "MemoryFormatError",
    "Recall",
    "Recollection",
    "Word",
    "pack_seen",
    "unpack_seen",
]
