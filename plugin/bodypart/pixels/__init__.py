"""From DICOM bytes to the picture for the model: small, with linear values, dense parts bright."""

from bodypart.pixels.blank import is_blank
from bodypart.pixels.dataset import DatasetError, NotDicomError, read_dataset
from bodypart.pixels.errors import PictureError
from bodypart.pixels.layout import PIXEL_KEYWORDS, uncompressed_syntax
from bodypart.pixels.picture import Picture, read_picture
from bodypart.pixels.voi import Window, display_window

__all__ = [
    "PIXEL_KEYWORDS",
    "DatasetError",
    "NotDicomError",
    "Picture",
    "PictureError",
    "Window",
    "display_window",
    "is_blank",
    "read_dataset",
    "read_picture",
    "uncompressed_syntax",
]
