"""Convergence of a fit by batches, as scikit-learn judges it, but for its patience."""


class BatchMonitor:
    """When to stop: the components settled, or the smoothed cost no longer falls."""

    def __init__(self, model, n_samples, n_steps):
        self._model, self._n_samples, self._n_steps = model, n_samples, n_steps
        self._smoothed = self._lowest = None
        self._stalled = self._rows = self._rows_since = 0

    def converged(self, step, n_rows, cost, change):
        """Whether to stop after a batch of `n_rows` rows, their mean cost and the change of H."""
        label = f"Minibatch step {step + 1}/{self._n_steps}: mean batch cost: {cost}"
        if step == 0:
            # The components have not moved yet when this cost was taken.
            self._say(label)
            return False
        share = min(1, n_rows / (self._n_samples + 1))
        before = cost if self._smoothed is None else self._smoothed
        self._smoothed = before * (1 - share) + cost * share
        self._say(f"{label}, ewa cost: {self._smoothed}")
        # The smaller a part of the data a batch is, the less it moves them, settled or not.
        if self._model.tol > 0 and change <= self._model.tol * share:
            self._say(f"Converged (small H change) at step {step + 1}/{self._n_steps}")
            return True
        # Where a batch is a small part of the data, ten of them differ by chance more than a pass
        # brings, and in the first one rows whose turn comes late are no better off than others
        # were: only all rows together, from then on, tell whether it got any better.
        self._rows += n_rows
        if self._rows < self._n_samples:
            return False
        if self._lowest is None or self._smoothed < self._lowest:
            self._stalled, self._rows_since, self._lowest = 0, 0, self._smoothed
        else:
            self._stalled += 1
            self._rows_since += n_rows
        patience = self._model.max_no_improvement
        has_seen_all = self._rows_since >= self._n_samples
        if patience is not None and self._stalled >= patience and has_seen_all:
            self._say(
                "Converged (lack of improvement in objective function) "
                f"at step {step + 1}/{self._n_steps}"
            )
            return True
        return False

    def _say(self, line):
        if self._model.verbose:
            print(line)  # noqa: T201
