"""What the result of a run depends on, in a form that is the same in other processes."""

import functools
import hashlib
import inspect
import json
import pickle
import types

import joblib
from sklearn.base import clone

from skbss._version import __version__

_LIBRARIES = {"skbss", "sklearn", "numpy", "scipy", "jax", "builtins", "abc"}


def lasting_keys(systems, metrics):
    """A function that names runs such that every other result has another name.

    Parameters
    ----------
    systems : dict of str to estimator
        Fitted or not.
    metrics : list of Metric
        What is scored.

    Returns
    -------
    key_of : callable (task, name, seed) -> str
        The key depends on the task, the name and parameters of the system, the seed, the metrics,
        the version of skbss, and the code of classes and functions that are not of skbss or
        scikit-learn, though not on what they call.

    Raises
    ------
    TypeError
        If a system can not be recognized in another process.
    """
    known = {name: _facts_of(name, system) for name, system in systems.items()}
    asked = [[metric.name, metric.definition, _code_of(metric.compute)] for metric in metrics]

    def key_of(task, name, seed):
        facts = [task.digest, name, *known[name], seed, asked, __version__]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    return key_of


def _facts_of(name, system):
    """A fingerprint of the parameters, and the code."""
    system = clone(system)
    try:
        parameters = joblib.hash(system)
    except pickle.PicklingError as error:
        raise TypeError(
            f"separators[{name!r}] can not be recognized in another process, which path is for: "
            f"define its class and functions at the top of a module. ({error.args[0]})"
        ) from None
    parts = [system, *system.get_params(deep=True).values()]
    code = [_code_of_class(type(part)) for part in parts] + [_code_of(part) for part in parts]
    return parameters, code


def _code_of_class(kind):
    """Of its methods by their names: Python adds other attributes in the course of time."""
    own = [base for base in kind.__mro__ if _is_foreign(base)]
    methods = [(name, _code_of(value)) for base in own for name, value in vars(base).items()]
    return sorted((name, code) for name, code in methods if code is not None)


def _code_of(something):
    """The instructions of a function, or of those that a partial one holds; else nothing."""
    if isinstance(something, functools.partial):
        held = [something.func, *something.args, *something.keywords.values()]
        return [_code_of(one) for one in held]
    if isinstance(something, staticmethod | classmethod):
        return _code_of(something.__func__)
    if isinstance(something, property):
        return _code_of(something.fget)
    if isinstance(something, types.FunctionType) and _is_foreign(something):
        something = inspect.unwrap(something)
        try:
            return inspect.getsource(something)
        except (OSError, TypeError):  # made from a string
            return _instructions(something.__code__)
    return None


def _instructions(code):
    constants = [
        _instructions(one) if isinstance(one, types.CodeType) else repr(one)
        for one in code.co_consts
    ]
    return [code.co_code.hex(), constants, code.co_names]


def _is_foreign(something):
    return (something.__module__ or "").split(".")[0] not in _LIBRARIES
