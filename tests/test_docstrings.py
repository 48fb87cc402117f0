"""Every public docstring holds what numpydoc asks for, and says something about everything."""

import importlib
import inspect
import types

import pytest
from numpydoc.validate import validate

import skbss

PACKAGES = [
    "skbss.datasets",
    "skbss.evaluation",
    "skbss.factorization",
    "skbss.frontend",
    "skbss.compression",
    "skbss.guidance",
    "skbss.masking",
    "skbss.metrics",
    "skbss.report",
    "skbss.separation",
]

# What has to hold: codes of numpydoc.validate.
CHECKS = {
    "GL03",  # no double blank lines
    "GL05",  # no tabs
    "GL06",  # no sections that numpydoc does not know
    "GL07",  # sections in numpydoc's order
    "GL08",  # there is a docstring
    "GL09",  # a deprecation comes first
    "SS01",  # there is a summary
    "SS02",  # that starts with a capital
    "SS03",  # and ends with a period
    "SS04",  # without leading spaces
    "SS06",  # on one line
    "PR01",  # every parameter is documented
    "PR02",  # and no other
    "PR03",  # in the order of the signature
    "PR04",  # with its type
    "PR06",  # named as in Python
    "PR07",  # and with a description
    "PR10",  # with a space before its colon
    "RT01",  # results are documented
    "RT03",  # with a description
    "YD01",  # so are what generators yield
    "SA02",  # See Also says why,
    "SA03",  # in words that start with a capital,
    "SA04",  # for every entry
}
# Objects of the public interface also show how they are used.
CHECKS_OF_NAMES = CHECKS | {"EX01"}
# Metadata routing and set_output write these.
GENERATED = {"get_metadata_routing", "get_params", "set_output", "set_params"}


def is_ours(member):
    home = getattr(member, "__module__", None) or ""
    return home == "skbss" or home.startswith("skbss.")


def public_objects():
    """Dotted names of all public functions, classes and methods of ours, each once."""
    found = {}
    for name in PACKAGES:
        package = importlib.import_module(name)
        for attribute in package.__all__:
            member = getattr(package, attribute)
            if isinstance(member, types.ModuleType) or not is_ours(member):
                continue
            path = f"{name}.{attribute}"
            found[path] = CHECKS_OF_NAMES
            if not inspect.isclass(member):
                continue
            for method in dir(member):
                function = inspect.unwrap(getattr(member, method, None) or (lambda: None))
                generated = method in GENERATED or method.endswith("_request")
                if method.startswith("_") or generated or not is_ours(function):
                    continue
                if inspect.isfunction(function):
                    found[f"{path}.{method}"] = CHECKS
    return found


@pytest.mark.parametrize(("name", "checks"), public_objects().items(), ids=public_objects())
def test_docstring(name, checks):
    errors = [f"{code}: {text}" for code, text in validate(name)["errors"] if code in checks]
    assert not errors, f"{name}: " + "; ".join(errors)


def test_package_has_a_docstring():
    for name in ["skbss", *PACKAGES]:
        assert (importlib.import_module(name).__doc__ or "").strip(), name


def test_what_is_checked():
    names = public_objects()
    assert "skbss.factorization.BetaNMF.fit_transform" in names
    assert {f"skbss.{n}" for n in ("STFT", "Separator")} <= {
        f"skbss.{name.rsplit('.', 1)[1]}" for name in names
    }
    assert not any(name.rsplit(".", 1)[1].startswith("set_") for name in names)
    assert skbss.__doc__
