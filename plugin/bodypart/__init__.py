"""Body parts of radiographs: headers and pixels in, SNOMED CT annotations out.

The core never imports ``orthanc``. What the plugin inside Orthanc shares with it (``labels``,
``annotation``, ``reviews``, ``rollup``, ``settings``, ``wire``, the vocabulary of the headers and
the policy on tags) needs the standard library only.
"""

__version__ = "0.1.0"
