"""Stand-ins for a user's hospital: whole sources, each read by a model trained without it.

A user's films are new to the shipped model. How well the memory serves such a user can only be
measured with a model that has never seen the source; each file in ``hospitals/`` describes one.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bodypart.memory.exemplars import Exemplars
from bodypart.model.model_input import BlankPictureError
from bodypart.model.session import BodyPartModel
from training.description import Preprocessing
from training.exemplars import exemplars_of
from training.export import export
from training.learner import Plan
from training.manifest import read_manifest
from training.pictures import read_picture
from training.split import split
from training.train import Beginning, Material, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.manifest import Example

HOSPITALS = Path(__file__).with_name("hospitals")
PLAN = Plan(size=128, epochs=7, draws=5000, rate=8e-4, bfloat16=True)
"""A short training: the model need not be good, only know as little of the films."""

SIDES = (128, 80)


@dataclass(frozen=True, slots=True, eq=False)
class Hospital:
    """The films of one source, as read by a model that was trained without the source.

    Attributes
    ----------
    name : str
        Name of the split file.
    model : dict
        Name, version and SHA-256 of the model.
    labels : tuple of str
        Its labels, without "none".
    rows : list of Example
        The n films, those of other sources included: radiographs and foreign pictures.
    embeddings : ndarray of float32, shape (n, d)
        Unit vectors.
    posterior : ndarray of float32, shape (n, labels + 1)
        The model's probabilities, "none" last.
    rejected : ndarray of bool, shape (n,)
        Whether the model rejects them.
    elsewhere : NDArray of bool, shape (n,)
        Whether a film is of another source, kept apart from the training: the memory should not
        change its answer.
    exemplars : Exemplars
        The model's exemplars, from its training.
    """

    name: str
    model: dict[str, str]
    labels: tuple[str, ...]
    rows: list[Example]
    embeddings: NDArray[np.float32]
    posterior: NDArray[np.float32]
    rejected: NDArray[np.bool_]
    elsewhere: NDArray[np.bool_]
    exemplars: Exemplars


def blind_model(name: str, manifest: Path, backbone: Path, runs: Path) -> Path:
    """Return the model trained without a hospital; train it if there is none yet."""
    run, plan = runs / name, HOSPITALS / f"{name}.toml"
    if not (run / "bodypart.onnx").is_file():
        material, beginning = Material(manifest, plan), Beginning(backbone)
        checkpoint = train(material, run, PLAN, beginning, resume=True)
        export(
            checkpoint,
            manifest,
            run,
            split_file=plan,
            preprocessing=Preprocessing(sides=SIDES),
            version=f"without-{name}",
        )
    return run / "bodypart.onnx"


def hospital(name: str, model_file: Path, manifest: Path) -> Hospital:
    """Read a hospital's films, and those of others; the model's outputs are kept for the next time.

    Films on which the model was calibrated are left out.
    """
    parts = split(read_manifest(manifest), HOSPITALS / f"{name}.toml")
    plan = tomllib.loads((HOSPITALS / f"{name}.toml").read_text(encoding="utf-8"))
    (source,) = plan["also_held_out"]
    rows = [row for row in parts.test if row.examined]
    model = BodyPartModel.load(model_file, provider="cpu")
    wanted = "\n".join([model.sha256, *(row.file for row in rows)])
    kept = model_file.parent / f"seen-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.npz"
    if not kept.is_file():
        np.savez(kept, allow_pickle=False, **_seen(model, rows, manifest.parent))
    exemplars = Exemplars.beside(model_file)
    if exemplars is None or exemplars.model != model.sha256:
        exemplars = exemplars_of(model, parts, manifest.parent)
        exemplars.write(model_file)
    with np.load(kept) as seen:
        return Hospital(
            name=name,
            model={"name": model.name, "version": model.version, "sha256": model.sha256},
            labels=model.labels,
            rows=rows,
            embeddings=seen["embeddings"],
            posterior=seen["posterior"],
            rejected=seen["rejected"],
            elsewhere=np.array([row.source != source for row in rows]),
            exemplars=exemplars,
        )


def _seen(
    model: BodyPartModel, rows: Sequence[Example], folder: Path
) -> dict[str, NDArray[np.generic]]:
    """Read the films one by one."""
    embeddings, posterior, rejected = [], [], []
    for row in rows:
        seen = model.read(read_picture(folder / row.file).values.astype(np.float32)).seen
        if seen is None:
            raise BlankPictureError
        embeddings.append(seen.embedding)
        posterior.append(seen.posterior)
        rejected.append(seen.rejected)
    return {
        "embeddings": np.array(embeddings, dtype=np.float32),
        "posterior": np.array(posterior, dtype=np.float32),
        "rejected": np.array(rejected, dtype=bool),
    }
