"""Jobs that are run beside each other, some of which take their process with them."""

from concurrent.futures.process import BrokenProcessPool
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbss._runtime.in_parallel import as_they_finish


@given(st.integers(0, 30), st.sets(st.integers(0, 29)), st.integers(1, 5))
def test_every_job_has_one_result_whoever_dies(n_jobs, deadly, at_once):
    ran_alone = []

    def run(turns):
        while window := list(islice(turns, at_once)):
            # The first ones are done when one of the window dies of its job.
            for number, job in window:
                if job in deadly:
                    raise BrokenProcessPool
                yield number, f"{job} done"

    def one_by_one(jobs):
        for job in jobs:
            ran_alone.append(job)
            yield f"{job} lost" if job in deadly else f"{job} done"

    found = list(as_they_finish(run, range(n_jobs), one_by_one))
    told = {job: f"{job} lost" if job in deadly else f"{job} done" for job in range(n_jobs)}
    assert dict(found) == told
    assert len(found) == n_jobs
    assert len(ran_alone) <= at_once * len(deadly)


def test_what_breaks_without_a_job_is_an_error():
    def run(turns):
        raise BrokenProcessPool("no process can be started")
        yield

    with pytest.raises(BrokenProcessPool, match="no process"):
        list(as_they_finish(run, [1, 2], iter))
