"""Tables of figures as values, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Cell = str | int | float | None


@dataclass
class Table:
    """Rows of cells under named columns.

    columns: their heads, all different.
    formats: how numbers of each column are shown, as for ``str.format``; empty: all ``"{}"``.
    rows: a cell for each column; the first one names the row.  Text is shown as it is, None as an
        empty cell.
    """

    columns: Sequence[str]
    formats: Sequence[str] = ()
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check that columns, formats and rows go together."""
        self.formats = list(self.formats) or ["{}"] * len(self.columns)
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns of the same name: {self.columns}")
        if len(self.formats) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns, {len(self.formats)} formats")
        for row in self.rows:
            self._check(row)

    def add(self, *cells: Cell) -> str:
        """Append a row → the row as a line of Markdown."""
        self._check(cells)
        self.rows.append(list(cells))
        return self._line(cells)

    def select(
        self, rows: Iterable[str] | None = None, columns: Iterable[str] | None = None
    ) -> Table:
        """The rows and columns with these names, in this order; None: all of them.

        Raises ``KeyError`` for a name that is not there.
        """
        chosen = self.rows
        if rows is not None:
            by_name = {str(row[0]): row for row in self.rows}
            chosen = [by_name[name] for name in rows]
        if columns is None:
            return Table(self.columns, self.formats, list(chosen))
        place = {name: index for index, name in enumerate(self.columns)}
        places = [place[name] for name in columns]
        return Table(
            [self.columns[i] for i in places],
            [self.formats[i] for i in places],
            [[row[i] for i in places] for row in chosen],
        )

    def head(self) -> str:
        """The first two lines of the Markdown."""
        return f"| {' | '.join(self.columns)} |\n{'|---' * len(self.columns)}|"

    def markdown(self) -> str:
        """The table, without a newline at its end."""
        return "\n".join([self.head(), *(self._line(row) for row in self.rows)])

    def _check(self, row: Sequence[Cell]) -> None:
        if len(row) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns, a row of {len(row)}: {row}")

    def _line(self, row: Sequence[Cell]) -> str:
        cells = (shown(cell, form) for cell, form in zip(row, self.formats, strict=True))
        return f"| {' | '.join(cells)} |"


def shown(cell: Cell, form: str = "{}") -> str:
    """A cell as text; the minus of a number is the typographic one."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return form.format(cell).replace("-", "−")
