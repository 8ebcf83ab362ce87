"""The ordinary program behind `/bodypart`; it talks to Orthanc by REST."""
