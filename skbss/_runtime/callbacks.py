"""scikit-learn's callbacks, which came with its version 1.9; without them nothing happens."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "IterationCallbacks", "with_callbacks"]


class IterationCallbacks:
    """Tells the callbacks set on an estimator of the beginning and end of every iteration.

    Parameters
    ----------
    estimator : estimator
        The one that is being fitted.
    X, y : array-like
        What it is fitted to.
    max_iter : int or None
        Iterations at most; None if nobody knows.
    """

    def __init__(self, estimator, X, y, max_iter):
        self._estimator = estimator
        self._data = {"estimator": estimator, "X": X, "y": X if y is None else y}
        self.active = bool(getattr(estimator, "_skl_callbacks", None))
        if hasattr(estimator, "_init_callback_context"):
            self._fit = estimator._init_callback_context(max_subtasks=max_iter)
            self._fit.call_on_fit_task_begin(**self._data)

    def begin(self, n_iter):
        """An iteration begins."""
        if self.active:
            self._iteration = self._fit.subcontext(task_name="iteration")
            self._iteration.call_on_fit_task_begin(**self._data)

    def end(self, attributes):
        """An iteration ended; whether a callback asks to stop."""
        if not self.active:
            return False
        return self._iteration.call_on_fit_task_end(
            **self._data, reconstruction_attributes=attributes
        )

    def finish(self, attributes):
        """The fit ended."""
        if hasattr(self, "_fit"):
            self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes=attributes)
