"""Runs the model: from a picture, with one or more looks, to an :class:`ImageReading`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bodypart.evidence import BLANK, ImageReading
from bodypart.model.heat_map import heat_map
from bodypart.model.model_input import BlankPictureError, network_input
from bodypart.model.parameters import Parameters, read_parameters
from bodypart.model.raw_answer import RawAnswer
from bodypart.model.second_look import second_look

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bodypart.model.model_input import Placement
    from bodypart.network import Network
    from bodypart.network.provider import Provider

    Float32 = NDArray[np.float32]


class BodyPartModel:
    """A loaded model; :meth:`load` makes one.

    Attributes
    ----------
    name, version, sha256 : str
        Identity.
    labels : tuple of str
        Labels that the model can give as examined.
    provider : str
        Where the network really runs: ``cpu``, ``cuda`` or ``remote``.
    warning : str or None
        Why it does not run where the settings ask for it.
    """

    def __init__(self, network: Network, parameters: Parameters) -> None:
        self.network = network
        self.parameters = parameters
        self.name = parameters.name
        self.version = parameters.version
        self.sha256 = parameters.sha256
        self.labels = parameters.labels
        self.provider = network.provider
        self.warning = network.warning

    @classmethod
    def load(cls, path: Path, provider: Provider = "auto", threads: int = 1) -> BodyPartModel:
        """Load ``bodypart.onnx`` and the description beside it, to run in this process.

        Parameters
        ----------
        path, provider, threads
            See `bodypart.network.local.LocalNetwork.load`.

        Raises
        ------
        ModelError
            If the files are missing, damaged or do not belong together.
        """
        # Imported here: if the network runs elsewhere, onnxruntime is never loaded.
        from bodypart.network.local import LocalNetwork

        parameters = read_parameters(path)
        return cls(LocalNetwork.load(path, provider, threads), parameters)

    def views(self, values: Float32) -> tuple[Float32, Placement]:
        """Return the network's input for one picture, by the model's own preprocessing.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, columns)
            Grey values, linear, bright = dense.

        Returns
        -------
        tensor : ndarray of float32, shape (views, 1, size, size)
            Each view, then their mirror images if they count.
        where : Placement
            Where the first view's field lies in the picture and in the square.

        Raises
        ------
        BlankPictureError
            If there is nothing to see.
        """
        own = self.parameters
        tensor, where = network_input(values, own.size, own.sides, own.field_tone)
        if own.mirrored:
            tensor = np.concatenate([tensor, tensor[..., ::-1]])
        return tensor, where

    def answer(self, values: Float32) -> RawAnswer:
        """Run the network on one picture.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, columns)
            Grey values, linear, bright = dense.

        Raises
        ------
        BlankPictureError
            If there is nothing to see.
        NetworkError
            If the network does not answer.
        """
        tensor, where = self.views(values)
        outputs = self.network.run(tensor)
        return RawAnswer(
            logits=outputs["logits"].mean(axis=0),
            visible=outputs["visible"].mean(axis=0),
            child=float(outputs["child"].mean()),
            view=outputs["view"].mean(axis=0),
            distance=float(outputs["distance"].mean()),
            embedding=outputs["embedding"][0],
            cam=outputs["cam"][0],
            where=where,
        )

    def look(self, values: Float32) -> tuple[RawAnswer, ImageReading]:
        """Read one picture; if it is rejected, take a second look.

        Parameters and errors are those of :meth:`answer`.
        """
        own = self.parameters
        answer = self.answer(values)
        reading = answer.reading(own)
        if (
            reading.rejected
            and reading.answered
            and (again := second_look(self.answer, own, values))
        ):
            return again, again.reading(own)
        return answer, reading

    def read(self, values: Float32) -> ImageReading:
        """Return what a picture shows; a blank one is rejected.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, columns)
            Grey values, linear, bright = dense.
        """
        try:
            return self.look(values)[1]
        except BlankPictureError:
            return ImageReading(probabilities={}, rejected=True, reason=BLANK, blank=True)

    def heatmap(self, values: Float32, label: str) -> Float32:
        """Return where the network saw a label, in the picture's geometry.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, columns)
            Grey values, linear, bright = dense.
        label : str
            One of :attr:`labels`.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            0 to 1.

        Raises
        ------
        KeyError
            If the model does not know the label.
        BlankPictureError
            If there is nothing to see.
        """
        if label not in self.labels:
            raise KeyError(label)
        answer = self.answer(values)
        activation = answer.cam[self.labels.index(label)]
        return heat_map(activation, self.parameters.size, answer.where, values)
