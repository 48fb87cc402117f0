"""Jobs on a cluster of Dask, whose scheduler gives them out and calls in those of the dead."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from skbss._version import __version__
from skbss.cli._errors import CommandError, complain
from skbss.cli._job import Job, Outcome, attempt, lost

_SECONDS_TO_CONNECT = 30


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of a scheduler.

    Parameters
    ----------
    address : str
        As Dask takes it, ``tcp://HOST:PORT``.

    Raises
    ------
    CommandError
        If Dask is missing, nobody answers there, or a worker has another version of skbss.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CommandError(
            "--scheduler needs Dask: pip install 'skbss[distributed]', here and on all workers."
        ) from None
    with ExitStack() as stack:
        try:
            client = stack.enter_context(Client(address, timeout=_SECONDS_TO_CONNECT))
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"--scheduler '{address}' cannot be reached: {reason}.") from None
        for name in logging.root.manager.loggerDict:
            if name.split(".")[0] == "distributed":
                # What concerns the user is told in our words.
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        _check_versions(client)
        if not client.scheduler_info()["workers"]:
            complain(f"no worker has come to {address} yet; waiting.")
        yield client


def on_cluster(client: Any, jobs: Sequence[Job]) -> Iterator[tuple[Job, Outcome]]:
    """Jobs with what becomes of them, in the order in which they finish.

    Parameters
    ----------
    client : distributed.Client
    jobs : sequence of Job
        Where a worker dies, another one tries; what several died of is lost.

    Yields
    ------
    job, outcome : tuple

    Raises
    ------
    CommandError
        If the scheduler is gone.
    """
    from distributed import KilledWorker, as_completed

    futures = client.map(attempt, [job.everywhere() for job in jobs], pure=False)
    of = dict(zip(futures, jobs, strict=True))
    del futures
    for future in as_completed(list(of)):
        # Nothing but what is still to come is kept, here and there.
        job = of.pop(future)
        if future.status == "finished":
            yield job, future.result()
        elif future.status == "error" and isinstance(future.exception(), KilledWorker):
            yield job, lost(job)
        elif future.status == "error":
            raise CommandError(
                f"a worker cannot run jobs of skbss: {' '.join(str(future.exception()).split())}."
            )
        else:
            raise CommandError(
                "the scheduler is gone; start it and its workers, and go on with --resume."
            )


def _check_versions(client):
    from importlib.metadata import version

    # Workers that are still to come are not asked.
    for address, found in client.run(version, "skbss", on_error="return").items():
        if found != __version__:
            has = "no skbss" if isinstance(found, Exception) else f"skbss {found}"
            raise CommandError(
                f"the worker {address} has {has}, and this is skbss {__version__}: install the "
                "same version everywhere."
            )
