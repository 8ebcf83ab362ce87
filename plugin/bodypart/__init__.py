"""Body parts of radiographs: headers and pixels in, SNOMED CT annotations out.

The core never imports ``orthanc``. Its modules ``labels``, ``annotation``, ``settings`` and
``rollup`` need the standard library only, so the plugin inside Orthanc may use them too.
"""

__version__ = "0.1.0"
