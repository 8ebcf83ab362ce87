"""Body parts of radiographs: headers and pixels in, SNOMED CT annotations out.

The core never imports ``orthanc``. The modules that the service shares with the decoders
(``labels``, ``annotation``, ``reviews``, ``rollup``, ``settings``, the vocabulary of the headers
and the policy on tags) never import those that read files and pictures.
"""

__version__ = "0.3.0.dev0"
