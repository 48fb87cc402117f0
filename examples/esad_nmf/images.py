"""Image sequences that are sums of two, and how much of them comes back."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbss import ESADNMF, BetaNMF
from skbss.metrics import ssim

from .systems import KL

SIDE, N_FRAMES = 64, 60
# Places of the moving image, in pixels.
_PLACES = (-9, -6, -3, 0, 3, 6, 9)


def sequences(seed, *, n_frames=N_FRAMES):
    """Two true sequences of shape (n_frames, SIDE, SIDE) each, by name."""
    from skimage import data
    from skimage.transform import resize

    rng = np.random.default_rng(seed)
    first, second, shape = (
        resize(image / 255, (SIDE, SIDE), anti_aliasing=True)
        for image in (data.camera(), data.coins(), data.moon())
    )
    time = np.arange(n_frames) / n_frames
    lamps = [np.sin(np.pi * (rate * time + rng.random())) ** 2 for rate in (2, 3)]
    yield (
        "two images, each under a lamp of its own",
        np.stack(
            [
                lamp[:, None, None] * image
                for lamp, image in zip(lamps, (first, second), strict=True)
            ]
        ),
        (1, 1),
    )
    window = np.hanning(SIDE)[:, None] * np.hanning(SIDE)
    places = rng.choice(_PLACES, n_frames)
    moving = np.stack([np.roll(window * shape, place, axis=1) for place in places])
    still = np.broadcast_to(first, moving.shape)
    # Either is dark at times: what is always there could belong to any component.
    dimmed = [lamp[:, None, None] * one for lamp, one in zip(lamps, (still, moving), strict=True)]
    yield "an image that moves over a still one", np.stack(dimmed), (1, len(_PLACES))


def similarities(seed, *, n_frames=N_FRAMES, max_iter=300):
    """Mean SSIM of both separated sequences, a dictionary for every model."""
    rows = []
    for name, truth, sizes in sequences(seed, n_frames=n_frames):
        X = truth.sum(axis=0).reshape(n_frames, -1)
        common = {"max_iter": max_iter, "tol": 0, "random_state": seed}
        rank = sum(sizes)
        models = {
            "NMF, Euclidean": BetaNMF(rank, beta_loss=2, init="random", **common),
            "NMF, KL": BetaNMF(rank, beta_loss=KL, init="random", **common),
            "ESAD-NMF": ESADNMF(rank, beta_loss=KL, **common),
        }
        found = {"the sum itself": np.stack([X, X])}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for model_name, model in models.items():
                found[model_name] = shared(X, model.fit_transform(X), model.components_, truth)
        data_range = float(truth.max() - truth.min())
        for model_name, estimates in found.items():
            values = ssim(truth, estimates.reshape(truth.shape), data_range=data_range)
            rows.append({"sequence": name, "model": model_name, "ssim": float(values.mean())})
    return rows


def shared(X, W, H, truth):
    """The pixels shared by masks; every component goes to the truth that it looks like more.

    The truth decides: what is measured are the components, not their grouping.
    """
    flat = truth.reshape(2, len(X), -1)
    norms = np.linalg.norm(flat, axis=-1, keepdims=True)
    looks = flat / np.where(norms > 0, norms, 1) @ H.T
    claimed = (W * looks).sum(axis=1).T
    parts, total = W.T[:, :, None] * H[:, None], W @ H + np.finfo(float).tiny
    owner = claimed.argmax(axis=1)
    models = np.stack([parts[owner == source].sum(axis=0) for source in range(2)])
    return X * models / total
