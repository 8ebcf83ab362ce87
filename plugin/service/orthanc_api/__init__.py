"""The only access to Orthanc: its REST API as typed calls."""
