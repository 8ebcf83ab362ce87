"""The program behind `/bodypart`: queue, records, rewriting, routes; talks to Orthanc by REST."""
