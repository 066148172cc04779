"""The player's tasks: the templates from which sessions start."""

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.input import Id, Strict, absent, path_id, read
from gateway.once import once, replay_headers
from gateway.plain import Documented, Takes, json_answer, route
from gateway.text import Text
from gateway.town import asked_by, sent_by, town_of
from protos.session.v1 import session_pb2 as pb
from services.kit.enums import Words

ROOMS = Words[pb.Room.ValueType](pb.Room)

Room = Literal["study", "build", "training"]
Minutes = Annotated[int, Field(ge=5, le=180)]
Name = Annotated[str, Text(1, 80)]
Category = Annotated[str, Text(1, 40)]


class Task(Documented):
    """A task."""

    id: Id
    name: str
    category: str
    default_duration_minutes: int
    room: Room


class NewTask(Strict):
    """A task to add."""

    name: Name
    category: Category
    default_duration_minutes: Minutes
    room: Room


class TaskChange(Strict):
    """What to change; what is absent stays."""

    name: Name = absent()
    category: Category = absent()
    default_duration_minutes: Minutes = absent()
    room: Room = absent()


def task_json(task: pb.Task) -> dict[str, Any]:
    """`Task` of the contract."""
    return {
        "id": task.id,
        "name": task.name,
        "category": task.category,
        "default_duration_minutes": task.default_duration_minutes,
        "room": ROOMS.word(task.room),
    }


async def list_tasks(request: Request) -> Response:
    """The player's tasks, oldest first. A new player finds three, one per room."""
    player = await asked_by(request)
    found = await town_of(request).hot.tasks.ask(player.id, player.id)
    return json_answer([task_json(task) for task in found.tasks])


async def create_task(request: Request) -> Response:
    """Adds a task; at most 200 are on the list at once."""
    player = await sent_by(request)
    wish = await read(request, NewTask)
    session = town_of(request).services.session
    asked = pb.CreateTaskRequest(user_id=player.id, once=once(request, wish), **_fields(wish))
    answer = await session.call(session.methods.CreateTask, asked)
    return json_answer(task_json(answer.task), 201, replay_headers(answer))


async def change_task(request: Request) -> Response:
    """Changes the fields that are given."""
    player = await sent_by(request)
    task_id = path_id(request, "task_id")
    wish = await read(request, TaskChange)
    session = town_of(request).services.session
    asked = pb.UpdateTaskRequest(user_id=player.id, task_id=task_id, **_fields(wish))
    answer = await session.call(session.methods.UpdateTask, asked)
    return json_answer(task_json(answer.task))


async def delete_task(request: Request) -> Response:
    """Takes a task off the list; history keeps its name. Safe to repeat."""
    player = await asked_by(request)
    task_id = path_id(request, "task_id")
    session = town_of(request).services.session
    asked = pb.ArchiveTaskRequest(user_id=player.id, task_id=task_id)
    await session.call(session.methods.ArchiveTask, asked)
    return Response(status_code=204)


def _fields(wish: NewTask | TaskChange) -> dict[str, Any]:
    """What was given, as the fields of a message."""
    given = wish.model_dump(exclude_unset=True)
    if "room" in given:
        given["room"] = ROOMS.value(given["room"])
    return given


ROUTES = [
    route("GET /api/tasks", list_tasks, is_hot=True, answer=list[Task]),
    route(
        "POST /api/tasks",
        create_task,
        answer=Task,
        status=201,
        takes=Takes(body=NewTask, once=True),
        codes=["TOO_MANY_TASKS"],
    ),
    route(
        "PATCH /api/tasks/{task_id}",
        change_task,
        answer=Task,
        takes=Takes(body=TaskChange),
        codes=["NOT_FOUND"],
    ),
    route("DELETE /api/tasks/{task_id}", delete_task, status=204, codes=["NOT_FOUND"]),
]
