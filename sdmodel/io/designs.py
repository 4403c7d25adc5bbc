"""Read designs from files: one row per run, one column per constant."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from sdmodel.core.errors import DesignError
from sdmodel.io.tables import is_number, number, read_columns

if TYPE_CHECKING:
    import pandas as pd


def read_design(path: str | Path, labels: Collection[str] = ()) -> pd.DataFrame:
    r"""Read a design from a CSV or tab-separated file or the first sheet of a workbook.

    Parameters
    ----------
    path
        The file; its first row names the constants.
    labels
        Columns that may hold text.

    Returns
    -------
    pandas.DataFrame
        One row per run; no column becomes the index.

    Raises
    ------
    ReadError
        If the file cannot be read, or a cell of a constant is not a number.
    DesignError
        If there are no rows, a column has no name, or a cell is empty.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "design.csv"
    >>> _ = path.write_text("trust time,contact rate\n3,0.1\n5,0.2\n")
    >>> read_design(path)["trust time"].tolist()
    [3.0, 5.0]
    """
    import pandas as pd

    table = read_columns(Path(path))
    rows = sorted({i for column in table.cells for i in column})
    if not rows:
        raise DesignError(f"{table.sheet.name} has no rows below its header; a design needs at least one run.")
    columns: dict[str, list[float] | list[str]] = {}
    for j, (name, cells) in enumerate(zip(table.names, table.cells, strict=True)):
        if not name:
            if cells:
                raise DesignError(f"{table.sheet.where(0, j)}: the column has no name.")
            continue
        gap = next((i for i in rows if i not in cells), None)
        if gap is not None:
            raise DesignError(f"{table.sheet.where(gap, j)}: the cell is empty; a design gives every run a value.")
        if name in labels and not all(is_number(cells[i]) for i in rows):
            columns[name] = [str(cells[i]) for i in rows]
        else:
            columns[name] = [number(cells[i], table.sheet.where(i, j)) for i in rows]
    return pd.DataFrame(columns)
