"""A sweep on dask.distributed: chunks go to its workers, which write them to the store themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sdmodel.core.errors import StoreError
from sdmodel.core.shape import Shape
from sdmodel.sweep.backends import instructions, run_chunk
from sdmodel.sweep.engines import Chunk
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.store import Store


def cluster_chunks(
    client: Any, plan: Plan, starts: Sequence[int], rows: int, place: tuple[Store, Sequence[Shape]] | None
) -> Iterator[Chunk | int]:
    """Iterate over chunks in order of completion; with a store, over numbers of rows, as workers write the chunks.

    If a worker is lost, dask reassigns its chunks. A few chunks per worker are in progress at a time, and their
    futures are released when they finish.
    """
    import distributed

    # The equations are a task, not scattered data: scattered data are lost with their worker.
    equations = client.submit(_retained, plan.only(slice(1)), pure=False)
    here = instructions(plan)
    todo = iter([(s, min(s + rows, plan.runs)) for s in starts])
    workers = max(sum(client.nthreads().values()), 1)

    def submit(start: int, stop: int) -> Any:
        part = plan.only(slice(start, stop))
        given = {"columns": part.columns, "numbers": part.numbers, "series": part.series}
        return client.submit(_chunk, equations, given, start, place, here, pure=False, retries=3)

    as_completed: Any = distributed.as_completed  # untyped
    under_way = as_completed([submit(*part) for part in islice(todo, 3 * workers)])
    for future in under_way:
        yield future.result()
        future.release()
        part = next(todo, None)
        if part is not None:
            under_way.add(submit(*part))


def _retained(plan: Plan) -> Plan:
    return plan


def _chunk(
    equations: Plan, given: dict[str, Any], start: int, place: tuple[Store, Sequence[Shape]] | None, wanted: str
) -> Chunk | int:
    if instructions(equations) != wanted:
        raise StoreError(
            f"A worker has the instruction set {instructions(equations)!r}, the sweep began on {wanted!r}: "
            "their results would differ in the last bits. Use workers of one kind."
        )
    plan = replace(equations, **given)
    chunk = replace(run_chunk(plan, 0, plan.runs), start=start)
    if place is None:
        return chunk
    store, shapes = place
    store.write(chunk, shapes)
    return plan.runs
