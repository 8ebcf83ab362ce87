"""The DICOM files follow the records: rewriting in place, reports, exports."""
