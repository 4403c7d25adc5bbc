"""`State`: all that a run needs to go on from a time, and its file formats."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdmodel.core.arguments import as_path
from sdmodel.core.errors import ReadError, SdmodelError, StateError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.core.text import shorten

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "sdmodel state 1"
MAX_BYTES = 200_000_000
_KINDS = ("stock", "hidden", "memory", "initial")
Points = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, repr=False)
class State:
    """The state of a run at a time: stocks, the hidden states of functions, and the inputs that the run goes on with.

    Get one from `Run.state`, and go on with ``model.run(initial=state)``. It pickles; `save` writes JSON or NetCDF.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> whole = model.run()
    >>> state = whole.state(at=2020)
    >>> late = model.run(initial=state)
    >>> bool(abs(late["trust"].iloc[-1] - whole["trust"].iloc[-1]) < 1e-6)
    True
    """

    model: str
    """Name of the model."""
    time: float
    stocks: Mapping[str, float]
    """Value of every stock, by name (`name[a,b]` for an element)."""
    scenario: Scenario
    """Values and schedules of constants in the run."""
    method: str
    """Name of the solver."""
    time_step: float
    """TIME STEP at this time."""
    hidden: Mapping[str, float] = field(default_factory=FrozenDict)
    """Hidden stocks of SMOOTH, DELAY, TREND and the like, such as ``"orders delay3 1"``."""
    memories: Mapping[str, tuple[float, ...]] = field(default_factory=FrozenDict)
    """Values that DELAY FIXED, SAMPLE IF TRUE and PREVIOUS hold, oldest first."""
    initials: Mapping[str, float] = field(default_factory=FrozenDict)
    """Values that INITIAL keeps from the start of the run."""
    steps: int = 0
    """Number of steps since the start of the run: the position of the random streams. 0 for adaptive methods."""
    seed: int = 0
    """Seed of the random streams."""
    sample: int = 0
    """Number of the run among those of a sweep, which selects its random streams."""
    data: Mapping[str, Points] = field(default_factory=FrozenDict)
    """Times and values of data variables given to the run."""

    def __post_init__(self) -> None:
        for name in ("stocks", "hidden", "memories", "initials", "data"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))

    def __getitem__(self, name: str) -> float:
        """Value of a stock or hidden state, or the current value of a memory."""
        for part in (self.stocks, self.hidden, self.memories):
            for own, value in part.items():
                if key(own) == key(str(name)):
                    return value[0] if isinstance(value, tuple) else value
        raise UnknownNameError(str(name), [*self.stocks, *self.hidden, *self.memories], "state")

    def __repr__(self) -> str:
        lines = [f"State of {self.model!r} at {self.time:g}, scenario {self.scenario.name!r} ({self.method})"]
        rows = [(name, kind, f"{value:.6g}") for kind, name, value in self._rows() if kind != "memory"]
        for name, past in self.memories.items():
            more = f" and {len(past) - 1} later values" if len(past) > 1 else ""
            rows.append((name, "memory", f"{past[0]:.6g}{more}"))
        width = max((len(name) for name, _, _ in rows), default=0)
        lines += [f"  {name:<{width}}  {value}{f'  ({kind})' * (kind != 'stock')}" for name, kind, value in rows]
        return "\n".join(lines)

    def _rows(self) -> Iterator[tuple[str, str, float]]:
        """Kind, name and value of every number of the state; a memory has one row for each of its values."""
        for kind, part in zip(_KINDS, (self.stocks, self.hidden, self.memories, self.initials), strict=True):
            for name, value in part.items():
                for one in value if isinstance(value, tuple) else (value,):
                    yield kind, name, one

    def to_dataframe(self) -> pd.DataFrame:
        """All values: index `name`; columns `kind` (stock, hidden, memory, initial) and `value`.

        A memory has a row for each of its values, oldest first.
        """
        import pandas as pd

        rows = list(self._rows())
        index = pd.Index([name for _, name, _ in rows], name="name", dtype=str)
        return pd.DataFrame({"kind": [kind for kind, _, _ in rows], "value": [float(x) for *_, x in rows]}, index=index)

    # -- files --------------------------------------------------------------------------------------------------
    def save(self, path: str | Path) -> Path:
        """Write the state to a file: JSON if the name ends with `.json`, NetCDF if it ends with `.nc`.

        Raises
        ------
        StateError
            If it ends otherwise.

        Examples
        --------
        >>> import sdmodel, tempfile
        >>> state = sdmodel.load("network").run().state(at=2020)
        >>> path = state.save(tempfile.mkdtemp() + "/state.json")
        >>> sdmodel.State.load(path) == state
        True
        """
        path = as_path("path", path)
        if path.suffix == ".json":
            path.write_text(json.dumps({**self._settings(), "values": list(self._rows())}, indent=1), encoding="utf-8")
        elif path.suffix == ".nc":
            table = self.to_dataframe().reset_index().to_xarray()
            table = table.assign_attrs(settings=json.dumps(self._settings())).rename(index="row").drop_vars("row")
            table.to_netcdf(path, engine="scipy")
        else:
            raise StateError(f"'{path.name}' ends with neither .json nor .nc. Name the file so.")
        return path

    @classmethod
    def load(cls, path: str | Path) -> State:
        """Read a state from a file that `save` has written.

        Raises
        ------
        ReadError
            If the file is not such a file.
        """
        path = as_path("path", path)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ReadError(f"'{path.name}' has more than {MAX_BYTES:,} bytes.")
            if path.suffix == ".nc":
                import xarray as xr

                with xr.open_dataset(path, engine="scipy") as table:
                    columns = [table[c].to_numpy() for c in ("kind", "name", "value")]
                    settings = json.loads(table.attrs["settings"])
                rows: Any = [(str(kind), str(name), float(x)) for kind, name, x in zip(*columns, strict=True)]
            else:
                settings = json.loads(path.read_text(encoding="utf-8"))
                rows = settings["values"]
            return cls._of(settings, rows)
        except OSError as error:
            raise ReadError(f"'{path}' cannot be read: {error.strerror or error}.") from error
        except (ReadError, StateError):
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, SdmodelError) as error:
            said = shorten(str(error), 80)
            raise ReadError(f"'{path.name}' is not the file of a state, as State.save writes it: {said}.") from error

    def _settings(self) -> dict[str, Any]:
        """Everything but the values, as JSON holds it."""
        chosen = self.scenario
        return {
            "format": FORMAT,
            **{name: getattr(self, name) for name in _SETTINGS},
            "scenario": {
                "name": chosen.name,
                "description": chosen.description,
                "values": dict(chosen.values),
                "paths": {n: {"at": p.at, "value": p.value, "between": p.between} for n, p in chosen.paths.items()},
            },
            "data": dict(self.data),
        }

    @classmethod
    def _of(cls, settings: Mapping[str, Any], rows: Iterable[tuple[str, str, float]]) -> State:
        if settings["format"] != FORMAT:
            raise ReadError(f"The file has format {shorten(repr(settings['format']), 40)}, not '{FORMAT}'.")
        values: dict[str, dict[str, list[float]]] = {kind: {} for kind in _KINDS}
        for kind, name, value in rows:
            values[kind].setdefault(str(name), []).append(_finite(value, name))
        for kind in ("stock", "hidden", "initial"):
            for name, found in values[kind].items():
                if len(found) > 1:
                    raise ReadError(f"The file gives '{shorten(name, 40)}' {len(found)} values.")
        told = settings["scenario"]
        paths = {n: Schedule(tuple(p["at"]), tuple(p["value"]), p["between"]) for n, p in told["paths"].items()}
        scenario = Scenario(told["name"], told["description"], told["values"], paths)
        data = {str(n): (_numbers(at, n), _numbers(x, n)) for n, (at, x) in settings["data"].items()}
        taken = {name: kind(settings[name]) for name, kind in _SETTINGS.items()}
        single = {kind: {name: found[0] for name, found in values[kind].items()} for kind in _KINDS}
        memories = {name: tuple(found) for name, found in values["memory"].items()}
        if not math.isfinite(taken["time"]):
            raise ReadError("The time of the state is not a finite number.")
        return cls(
            stocks=single["stock"],
            hidden=single["hidden"],
            memories=memories,
            initials=single["initial"],
            scenario=scenario,
            data=data,
            **taken,
        )


_SETTINGS = {"model": str, "time": float, "method": str, "time_step": float, "steps": int, "seed": int, "sample": int}


def _finite(value: Any, name: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ReadError(f"The file gives '{shorten(str(name), 40)}' the value {shorten(repr(value), 40)}.")
    return float(value)


def _numbers(values: Iterable[Any], name: object) -> tuple[float, ...]:
    return tuple(_finite(value, name) for value in values)
