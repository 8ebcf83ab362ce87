"""The one door to Orthanc: its REST API as typed calls."""
