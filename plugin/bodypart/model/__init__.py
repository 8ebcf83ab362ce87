"""The image model at run time: input, session, calibration, rejection and heat map."""

from bodypart.model.session import BodyPartModel
from bodypart.network import ModelError

__all__ = ["BodyPartModel", "ModelError"]
