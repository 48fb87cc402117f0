"""L1 and L2 penalties on both factors, as scikit-learn has them."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.penalties import ElasticNet, Prices
from skbss.factorization._divergence import relative_power
from skbss.factorization._row_base import RowNMF


class ElasticNetNMF(RowNMF):
    """With the penalties of `alpha_W`, `alpha_H` and `l1_ratio`."""

    alpha_W: float
    alpha_H: float | str
    l1_ratio: float

    _parameter_constraints: dict = {
        **RowNMF._parameter_constraints,
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    }

    @property
    def _charges_squares(self):
        return self.alpha_W > 0 and self.l1_ratio < 1

    @property
    def _alpha_H(self):
        return self.alpha_W if self.alpha_H == "same" else self.alpha_H

    def _penalty(self, shape, scale):
        """The penalty for data divided by `scale`, factors by its square root."""
        n_samples, n_features = shape
        alpha_H, beta = self._alpha_H, self._beta

        def relative(alpha, power):
            return float(alpha * relative_power(scale, power)) if alpha else 0.0

        l1, l2 = self.l1_ratio, 1 - self.l1_ratio
        return ElasticNet(
            relative(n_features * self.alpha_W * l1, 0.5 - beta),
            relative(n_features * self.alpha_W * l2, 1 - beta),
            relative(n_samples * alpha_H * l1, 0.5 - beta),
            relative(n_samples * alpha_H * l2, 1 - beta),
        )

    def _row_terms(self, H, scale):
        """The level of the components, and the prices of activations."""
        level, beta = float(H.mean()) or 1.0, self._beta

        def relative(alpha, power, order):
            return alpha / level**order * relative_power(scale, power) if alpha else 0.0

        alpha = H.shape[1] * self.alpha_W
        return level, Prices(
            relative(alpha * self.l1_ratio, 1 - beta, 1),
            relative(alpha * (1 - self.l1_ratio), 2 - beta, 2),
        )
