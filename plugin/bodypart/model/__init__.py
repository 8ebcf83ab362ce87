"""The image model at run time: input, session, calibration, rejection and heat map."""

from bodypart.model.parameters import ModelError
from bodypart.model.session import BodyPartModel

__all__ = ["BodyPartModel", "ModelError"]
