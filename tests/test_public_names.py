"""The public names are those of ``__all__``, and nothing else."""

import importlib
import pkgutil
import re
import types
from pathlib import Path

import pytest

import skbss

# The sub-packages that have names beside those of skbss itself.
PUBLIC_PACKAGES = [
    "skbss.cli",
    "skbss.compression",
    "skbss.datasets",
    "skbss.evaluation",
    "skbss.factorization",
    "skbss.frontend",
    "skbss.guidance",
    "skbss.masking",
    "skbss.metrics",
    "skbss.report",
    "skbss.separation",
]
TOP_LEVEL = {
    "ARDNMF",
    "AmplitudeNormalizer",
    "BetaNMF",
    "ContentAwareNMF",
    "ConvNMF",
    "DeepNMF",
    "DeepUnfoldedNMF",
    "ESADNMF",
    "ExemplarNMF",
    "GrowingNMF",
    "GuidedSeparator",
    "HarmonicNMF",
    "ISTFT",
    "MiniBatchBetaNMF",
    "MiniBatchSparseNMF",
    "MultilayerNMF",
    "OrthogonalNMF",
    "STFT",
    "Separator",
    "SparseNMF",
    "SpectralSubtraction",
    "StructuredNMF",
    "TransformLearningNMF",
    "VAENMF",
    "WienerMask",
    "__version__",
    "datasets",
    "enable_compilation_cache",
    "guidance",
    "metrics",
    "non_negative_factorization",
    "select_n_components",
    "shard_rows",
}
# Names of packages that are not on the page of the API, and why.
NOT_ON_THE_PAGE = {
    "skbss.cli.app": "the command line has a page of its own",
    "skbss.cli.main": "the command line has a page of its own",
    "skbss.report.printable": "for the texts of other packages of skbss",
    "skbss.report.software_versions": "for the results of other packages of skbss",
}


def public_names(module):
    """Names a user can see that neither start with an underscore nor are modules."""
    return {
        name
        for name in dir(module)
        if not name.startswith("_") and not isinstance(getattr(module, name), types.ModuleType)
    }


def test_names_of_skbss():
    assert set(skbss.__all__) == TOP_LEVEL
    assert set(dir(skbss)) >= TOP_LEVEL - {"__version__"}
    for name in skbss.__all__:
        assert getattr(skbss, name) is not None


@pytest.mark.parametrize("name", PUBLIC_PACKAGES)
def test_names_of_a_package_are_those_of_all(name):
    package = importlib.import_module(name)
    assert public_names(package) == set(package.__all__)


def test_everything_public_lives_in_a_public_package():
    for module in pkgutil.walk_packages(skbss.__path__, "skbss."):
        parts = module.name.split(".")
        private = any(part.startswith("_") for part in parts[1:])
        assert private or module.name in PUBLIC_PACKAGES, f"{module.name} should be private"


def test_names_of_skbss_are_those_of_their_packages():
    # A setting of the whole process belongs to no package.
    of_no_package = {"__version__", "datasets", "enable_compilation_cache", "guidance", "metrics"}
    of_no_package |= {"shard_rows"}
    for name in set(skbss.__all__) - of_no_package:
        home = getattr(skbss, name).__module__.rsplit(".", 1)[0]
        assert getattr(importlib.import_module(home), name) is getattr(skbss, name)


def test_unknown_names_raise():
    with pytest.raises(AttributeError, match="no_such_name"):
        skbss.no_such_name  # noqa: B018


def test_the_page_of_the_api_holds_every_public_name():
    page = (Path(__file__).parents[1] / "docs" / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   ([a-z]\w*\.\w+|\w+)$", page, flags=re.MULTILINE)
    listed += re.findall(r"^\.\. py:data:: (\S+)$", page, flags=re.MULTILINE)
    assert len(listed) == len(set(listed))
    wanted = set(skbss.__all__) - {"__version__", "datasets", "guidance", "metrics"}
    for name in PUBLIC_PACKAGES:
        part = name.removeprefix("skbss.")
        for attribute in importlib.import_module(name).__all__:
            if f"{name}.{attribute}" not in NOT_ON_THE_PAGE and attribute not in skbss.__all__:
                wanted.add(f"{part}.{attribute}")
    assert set(listed) == wanted
