import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        for table, strict in (("EXPECTED_FAILURES", True), ("POSSIBLE_FAILURES", False)):
            reasons = getattr(getattr(item, "module", None), table, {})
            if item.name in reasons:
                item.add_marker(pytest.mark.xfail(reason=reasons[item.name], strict=strict))
