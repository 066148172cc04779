"""The fail points of the town, found where they stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("gateway", "services")


def all_points() -> list[str]:
    """The names of all fail points that the town's sources reach, sorted."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted({name for path in files for name in _points_in(path)})


def groups(points: list[str], size: int) -> list[list[str]]:
    """The points in groups of at most so many, neighbours in different ones."""
    count = -(-len(points) // size)
    return [points[first::count] for first in range(count)]


def _points_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and _name(node.func) == "reach":
            (argument,) = node.args
            assert isinstance(argument, ast.Constant), f"{path}: a point's name is a literal"
            yield str(argument.value)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
