"""The paper's tables from the results, its own figures beside them where we know them."""

from . import factor_tables, iteration_tables, separation_tables, step_tables


def all_tables(results):
    """In the order of the page."""
    separation = results["separation"]
    yield separation_tables.side_by_side(separation)
    yield separation_tables.gains(separation)
    yield separation_tables.triples(separation)
    yield from separation_tables.by_iterations(separation)
    yield separation_tables.by_condition(separation)
    yield step_tables.preprocessing(results["before"])
    yield factor_tables.sparsity(results["factors"])
    yield factor_tables.relative_errors(results["factors"])
    yield iteration_tables.iterations(results["convergence"])
    yield iteration_tables.in_mini_batches(results["epochs"])
    yield factor_tables.errors(results["factors"])
    yield step_tables.postprocessing(results["after"])
    yield separation_tables.parameters(results["chosen"])
    yield factor_tables.image_similarity(results["images"])
