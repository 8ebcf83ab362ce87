"""Whether a heat map lies over what the network saw, wherever that lies in the picture."""

import numpy as np
import pytest

from bodypart.model import BodyPartModel
from bodypart.model.heat_map import heat_map
from bodypart.model.model_input import Box, Placement
from bodypart.model.parameters import Parameters
from unit.model.test_answers import described

SIZE, CELL = 160, 32
SPOT = 0.1
"""Side of what the network looks at, in parts of the film's: large enough to end the window."""


class Looking:
    """A network whose activation falls with the distance of each place's middle from the spot."""

    provider, warning = "cpu", None

    def run(self, pictures):
        middles = np.arange(SIZE // CELL) * CELL + 31
        rows, columns = np.nonzero(pictures[0, 0] > 0.9)
        down = (middles - rows.mean())[:, None] ** 2
        across = (middles - columns.mean())[None] ** 2
        cam = np.exp(-(down + across) / (2 * CELL**2))[None, None].repeat(2, axis=1)
        numbers = {"logits": 2, "visible": 1, "child": 1, "view": 1, "distance": 1, "embedding": 4}
        outputs = {name: np.zeros((1, count), np.float32) for name, count in numbers.items()}
        return {**outputs, "cam": cam.astype(np.float32)}


@pytest.fixture
def model():
    record = described(preprocessing={"size": SIZE, "sides": [SIZE], "mirrored": False})
    return BodyPartModel(Looking(), Parameters.from_json(record))


def film(rows, columns, down, across):
    """Draw a film with a white spot, and where its middle lies."""
    waves = [np.sin(np.arange(side) / 8)[:, None] for side in (rows, columns)]
    values = (0.45 + 0.25 * waves[0] * waves[1].T).astype(np.float32)
    half = round(SPOT / 2 * np.sqrt(rows * columns))
    row, column = round(down * rows), round(across * columns)
    values[row - half : row + half, column - half : column + half] = 1
    return values, (row, column)


def hottest(heat):
    rows, columns = np.nonzero(heat > 0.97 * heat.max())
    return rows.mean() + 0.5, columns.mean() + 0.5


PLACES = [(0.5, 0.5), (0.4, 0.8), (0.8, 0.4), (0.7, 0.7)]


@pytest.mark.parametrize(("down", "across"), PLACES)
@pytest.mark.parametrize("shape", [(320, 320), (400, 240), (240, 400), (900, 300)])
def test_the_heat_is_where_the_network_looked_in_pictures_of_any_shape(model, shape, down, across):
    values, middle = film(*shape, down, across)
    heat = model.heatmap(values, "knee")
    assert hottest(heat) == pytest.approx(middle, abs=0.06 * max(shape))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_heat_turns_with_the_picture(model, turns):
    values, _ = film(400, 300, 0.5, 0.55)
    turned = np.rot90(values, turns)
    rows, columns = np.nonzero(turned == 1)
    middle = rows.mean() + 0.5, columns.mean() + 0.5
    assert hottest(model.heatmap(turned, "knee")) == pytest.approx(middle, abs=20)


@pytest.mark.parametrize("border", [((90, 0), (0, 0)), ((0, 0), (120, 30)), ((60, 60), (60, 60))])
@pytest.mark.parametrize("grey", [0, 0.45])
def test_the_heat_moves_with_a_border_and_leaves_it_cold(model, border, grey):
    values, (row, column) = film(300, 300, 0.6, 0.6)
    (top, _), (left, _) = border
    heat = model.heatmap(np.pad(values, border, constant_values=grey), "knee")
    assert hottest(heat) == pytest.approx((row + top, column + left), abs=20)
    # The field is given back a margin.
    heat[max(0, top - 12) : 312 + top, max(0, left - 12) : 312 + left] = 0
    assert heat.max() == 0


def test_a_cut_picture_has_the_heat_of_its_part(model):
    values, (row, column) = film(400, 400, 0.55, 0.55)
    cut = values[60:360, 100:380]
    assert hottest(model.heatmap(cut, "knee")) == pytest.approx((row - 60, column - 100), abs=15)


def test_a_place_of_the_network_sees_what_its_heat_lies_over():
    """The padding of the strides says where: what a place sees is found through its gradient."""
    torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
    from training.network import Network

    torch.set_num_threads(1)
    cells = 9
    network = Network(1, 36).double().eval()
    with torch.no_grad():
        for convolution in network.convolutions():
            convolution.weight.fill_(0.5 / convolution.weight[0].numel())
            convolution.bias.zero_()
    square = torch.ones(1, 1, CELL * cells, CELL * cells, dtype=torch.float64, requires_grad=True)
    network.features(square)[0, 0, cells // 2, cells // 2].backward()
    seen = square.grad[0, 0].numpy()
    row, column = (
        (seen.sum(axis=axis) * np.arange(CELL * cells)).sum() / seen.sum() for axis in (1, 0)
    )
    activation = np.zeros((cells, cells), np.float32)
    activation[cells // 2, cells // 2] = 1
    whole = Box(0, CELL * cells, 0, CELL * cells)
    heat = heat_map(
        activation, CELL * cells, Placement(whole, whole), np.ones(seen.shape, np.float32)
    )
    assert hottest(heat) == pytest.approx((row + 0.5, column + 0.5), abs=1)
