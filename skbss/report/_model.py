"""Templates and activations as the page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skbss.report._plots import area_path, pool_columns
from skbss.report._spectrogram import erb_rows, pool_frequencies

MOST_COMPONENTS = 48
_TEMPLATE_POINTS = 250


@dataclass(frozen=True)
class ComponentView:
    """One row of the page: a template, its activation, the source they belong to."""

    number: int
    source: str
    color: int
    template: str
    activation: str
    share: str


@dataclass(frozen=True)
class ModelView:
    """The rows, those of the first source first, and how many weaker ones are not shown."""

    rows: list[ComponentView]
    n_hidden: int


def model_view(
    components, activations, labels, names: Sequence[str], sample_rate: float
) -> ModelView | None:
    """Rows for the templates and activations, or None where they are not known.

    Raises
    ------
    ValueError
        If the shapes do not fit together.
    """
    if components is None and activations is None:
        return None
    if components is None or activations is None:
        raise ValueError("components and activations must be given together.")
    components, activations = np.asarray(components), np.asarray(activations)
    if components.ndim != 2 or activations.ndim != 2 or len(components) != activations.shape[1]:
        raise ValueError(
            "components must have shape (n_components, n_freqs) and activations "
            f"(n_frames, n_components), got {components.shape} and {activations.shape}."
        )
    n_components = len(components)
    if labels is None and n_components != len(names):
        raise ValueError(
            f"labels must say which of the {len(names)} sources each of the {n_components} "
            "components belongs to."
        )
    labels = np.arange(n_components) if labels is None else np.asarray(labels)
    if labels.shape != (n_components,) or not np.isin(labels, np.arange(len(names))).all():
        raise ValueError(
            f"labels must hold {n_components} source indices from 0 to {len(names) - 1}."
        )
    edges = erb_rows(_TEMPLATE_POINTS, sample_rate)
    templates = pool_frequencies(components.astype(float), edges, sample_rate)
    curves = pool_columns(activations.T.astype(float))
    energy = components.sum(axis=1, dtype=float) * activations.sum(axis=0, dtype=float)
    total = float(energy.sum()) or 1.0
    strongest = np.argsort(-energy, kind="stable")[:MOST_COMPONENTS]
    order = sorted(strongest, key=lambda k: (labels[k], -energy[k]))
    rows = [
        ComponentView(
            number=int(k) + 1,
            source=names[int(labels[k])],
            color=int(labels[k]),
            template=area_path(templates[k]),
            activation=area_path(curves[k]),
            share=f"{100 * energy[k] / total:.1f} %",
        )
        for k in order
    ]
    return ModelView(rows, n_components - len(rows))
