"""The result as standard objects: corrected tags, a structured report, FHIR."""
