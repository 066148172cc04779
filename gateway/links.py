"""Which call follows from which answer, as OpenAPI links: what a client does next with an id.

Programs that explore the API follow them; people read them in the reference.
"""

from typing import Any, NamedTuple


class Link(NamedTuple):
    """The call `to` makes sense with `values` of what `of` was asked and answered with `status`."""

    of: str
    status: int
    to: str
    values: dict[str, str]


_TASK = {"task_id": "$response.body#/id"}
_ITEM = {"item_id": "$response.body#/id"}
_SESSION = {"session_id": "$response.body#/session_id"}
_LOGIN = {"email": "$request.body#/email", "password": "$request.body#/password"}
_REFRESH = {"refresh_token": "$response.body#/refresh_token"}
_OFFER = {
    "item_id": "$response.body#/offers/0/item/id",
    "rotation_id": "$response.body#/rotation_id",
}

LINKS = (
    Link("register", 201, "login", _LOGIN),
    Link("login", 200, "refresh", _REFRESH),
    Link("refresh", 200, "refresh", _REFRESH),
    Link("list_devices", 200, "end_device", {"device_id": "$response.body#/0/id"}),
    Link("create_task", 201, "change_task", _TASK),
    Link("create_task", 201, "delete_task", _TASK),
    Link("create_task", 201, "start_session", {"task_template_id": "$response.body#/id"}),
    Link("change_task", 200, "delete_task", _TASK),
    Link("start_session", 201, "complete_session", _SESSION),
    Link("start_session", 201, "cancel_session", _SESSION),
    Link("read_active_session", 200, "complete_session", _SESSION),
    Link("read_active_session", 200, "cancel_session", _SESSION),
    Link("list_inventory", 200, "equip", {"item_id": "$response.body#/0/id"}),
    Link("read_shop", 200, "buy", _OFFER),
    Link("buy", 201, "equip", {"item_id": "$response.body#/item/id"}),
    Link("create_item", 201, "read_item", _ITEM),
    Link("create_item", 201, "change_item", _ITEM),
)


def add_links(document: dict[str, Any]) -> None:
    """Adds them to the document of all calls."""
    operations = {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    for link in LINKS:
        response = operations[link.of]["responses"][str(link.status)]
        response.setdefault("links", {})[link.to] = _described(link, operations[link.to])


def _described(link: Link, target: dict[str, Any]) -> dict[str, Any]:
    in_path = {p["name"] for p in target.get("parameters", ()) if p["in"] == "path"}
    parameters = {f"path.{name}": link.values[name] for name in in_path}
    body = {name: value for name, value in link.values.items() if name not in in_path}
    described: dict[str, Any] = {"operationId": link.to}
    return described | ({"parameters": parameters} if in_path else {"requestBody": body})
