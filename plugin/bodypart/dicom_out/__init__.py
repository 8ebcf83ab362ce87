"""What leaves as standard objects: corrected tags, a structured report, FHIR."""
