"""What systems make of tasks, to listen to."""

from sklearn.utils import Bunch

from skbss.evaluation._evaluate import checked_tasks
from skbss.evaluation._systems import named_systems, prepared, separate_task


def separate_tasks(separators, tasks, *, seed=0):
    """The sounds behind the scores of `evaluate`, as `listening_test` takes them.

    Parameters
    ----------
    separators : mapping of str to estimator, or sequence of estimators
        As in `evaluate`.
    tasks : Task or sequence of Task
        As in `evaluate`.
    seed : int, default=0
        Of all systems, so that the sounds are those that `evaluate` scored with this seed.

    Returns
    -------
    sounds : Bunch
        With ``estimates``, a dict of systems to dicts of items to arrays of shape
        ([n_channels,] length); ``references`` and ``mixtures``, dicts of items to such arrays. An
        item is a pair of the names of a task and of one of its targets.

    Raises
    ------
    TypeError, ValueError
        As in `evaluate`. What goes wrong in a system is raised here.

    See Also
    --------
    listening_test : Lets people rate the sounds.
    evaluate : Scores them.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.evaluation import Task, separate_tasks
    >>> from skbss.separation import IdealBinaryMask, IdealRatioMask
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> task = Task("noise", sources.sum(axis=0), sources, 8000)
    >>> sounds = separate_tasks([IdealRatioMask(), IdealBinaryMask()], task)
    >>> list(sounds.estimates)
    ['IdealRatioMask', 'IdealBinaryMask']
    >>> sounds.references["noise", "source 1"].shape
    (8000,)
    """
    systems, tasks = named_systems(separators), checked_tasks(tasks)
    estimates = {
        name: {
            item: found[target]
            for task in tasks
            for found in [separate_task(prepared(system, task, seed), task).estimates]
            for target, item in _items(task)
        }
        for name, system in systems.items()
    }
    items = [(task, target, item) for task in tasks for target, item in _items(task)]
    return Bunch(
        estimates=estimates,
        references={item: task.sources[target] for task, target, item in items},
        mixtures={item: task.mixture for task, _, item in items},
    )


def _items(task):
    return [(target, (task.name, task.source_names[target])) for target in task.targets]
