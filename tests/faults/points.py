"""The fail points of the town, found where they stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services"


def all_points() -> list[str]:
    """The names of all fail points that the services' sources reach, sorted."""
    return sorted({name for path in SERVICES.rglob("*.py") for name in _points_in(path)})


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
