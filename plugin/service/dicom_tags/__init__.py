"""DICOM files that follow the records: rewriting in place, reports, exports."""
