"""What runs inside Orthanc: standard library only, and the only place that imports `orthanc`."""
