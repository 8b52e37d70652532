"""Objects on stdout, exactly as kubectl prints them: `-o table|wide|json|yaml|name`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.cli.columns import aligned

if TYPE_CHECKING:
    from crontask.api.resources import Resource
    from crontask.client import Cluster
    from crontask.client.requests import Document

F = TypeVar("F", bound=Callable[..., Any])
TABLE, WIDE, JSON, YAML, NAME = FORMS = ("table", "wide", "json", "yaml", "name")
# As Go's JSON has them, for whoever puts it into HTML.
_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def output_option(command: F) -> F:
    """Adds -o."""
    option = click.option("-o", "--output", type=click.Choice(FORMS), default=TABLE, show_default=True)
    return option(command)


@dataclass(frozen=True)
class Row:
    """An object, and what the API server writes of it into a table."""

    cells: Sequence[Any]
    object: "Document"


@dataclass(frozen=True)
class Table:
    """Objects of one kind. `columns`: name, and whether it is one of -o wide alone."""

    columns: tuple[tuple[str, bool], ...]
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, document: "Document") -> "Table":
        """What the API server answers."""
        columns = tuple((column["name"], column.get("priority", 0) > 0) for column in document["columnDefinitions"])
        return cls(columns, tuple(Row(row["cells"], row["object"]) for row in document.get("rows") or ()))

    @property
    def objects(self) -> "list[Document]":
        """The objects, whole but for who has written which field."""
        return [without_managers(row.object) for row in self.rows]

    def having(self, condition: "Callable[[Document], bool]") -> "Table":
        """Those of which that is so."""
        return replace(self, rows=tuple(row for row in self.rows if condition(row.object)))

    def newest_first(self) -> "Table":
        """Sorted by their creation, latest first; of one second, by name."""
        rows = sorted(self.rows, key=lambda row: str(row.object["metadata"]["name"]))
        rows.sort(key=lambda row: str(row.object["metadata"].get("creationTimestamp")), reverse=True)
        return replace(self, rows=tuple(rows))


def tabled(cluster: "Cluster", kind: "Resource", namespace: str, *, selector: str = "", fields: str = "") -> Table:
    """All of a kind, as the API server has them printed."""
    from crontask.client import operations

    return Table.read(cluster.run(operations.table(kind, namespace, selector=selector, fields=fields)))


def tabled_one(cluster: "Cluster", kind: "Resource", name: str, namespace: str) -> Table:
    """One object, likewise."""
    from crontask.client import operations

    return Table.read(cluster.run(operations.table_of(kind, name, namespace)))


def show_list(table: Table, output: str, namespace: str, kind: "Resource") -> None:
    """Objects of a list. `namespace`: empty where they are of all, and then it is shown."""
    if output in (TABLE, WIDE) and not table.rows:
        click.echo(f"No resources found{f' in {namespace} namespace' if namespace else ''}.", err=True)
    elif output in (TABLE, WIDE):
        click.echo("\n".join(_lines(table, wide=output == WIDE, with_namespace=not namespace)))
    elif output == NAME:
        show_names(table.objects, kind)
    else:
        listed = {"apiVersion": "v1", "items": table.objects, "kind": "List", "metadata": {"resourceVersion": ""}}
        show_document(listed, output)


def show_each(tables: Sequence[Table], output: str, kind: "Resource") -> None:
    """Objects that were named, each of its own table: one is printed as itself, several as a list."""
    rows = tuple(row for table in tables for row in table.rows)
    joined = Table(tables[0].columns, rows)
    if output in (TABLE, WIDE, NAME) or len(rows) != 1:
        show_list(joined, output, "-", kind)
    else:
        show_document(joined.objects[0], output)


def show_names(objects: "Sequence[Document]", kind: "Resource") -> None:
    """`scheduledrun.crontask.dev/a`, a line each."""
    for found in objects:
        click.echo(f"{kind.kind.lower()}.{kind.group}/{found['metadata']['name']}")


def show_document(document: "Document", output: str) -> None:
    """As JSON or YAML, keys in order."""
    click.echo(as_json(document) if output == JSON else _as_yaml(document))


def as_json(document: Any) -> str:
    """As kubectl writes it."""
    import json

    text = json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False)
    # None of them stands outside a string.
    return "".join(_ESCAPED.get(letter, letter) for letter in text) if set(_ESCAPED) & set(text) else text


def _as_yaml(document: Any) -> str:
    import yaml

    return str(yaml.safe_dump(document, allow_unicode=True, sort_keys=True, width=10_000)).rstrip("\n")


def without_managers(found: "Document") -> "Document":
    """The object as kubectl shows it: without who has written which field."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}


def _lines(table: Table, *, wide: bool, with_namespace: bool) -> list[str]:
    shown = [index for index, (_, only_wide) in enumerate(table.columns) if wide or not only_wide]
    head = [table.columns[index][0].upper() for index in shown]
    body = [[_cell(row.cells[index]) for index in shown] for row in table.rows]
    if with_namespace:
        head = ["NAMESPACE", *head]
        body = [[row.object["metadata"]["namespace"], *cells] for row, cells in zip(table.rows, body, strict=True)]
    return aligned([head, *body])


def _cell(value: Any) -> str:
    """A value in its column; of several lines, the first."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    first = text.splitlines()[0] if text.splitlines() else ""
    return text if first == text else f"{first}..."
