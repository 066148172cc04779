"""The three services that hold a player beside auth, asked to forget one."""

from protos.personal.v1 import personal_pb2 as pb
from protos.personal.v1 import personal_pb2_grpc
from services.kit.client import Client

# A player of years is some ten thousand rows; a statement takes two seconds at most.
ERASE_S = 5.0


class Remote:
    """One of them, by its client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = personal_pb2_grpc.PersonalDataServiceStub(client.channel)

    def erase(self, user_id: str) -> int:
        """Erases a player there; says how many rows there were.

        Raises Unavailable, Refused or Internal.
        """
        request = pb.EraseUserRequest(user_id=user_id)
        call = self._client.call(self._stub.EraseUser, request, timeout_s=ERASE_S)
        answer: pb.EraseUserResponse = call.answer()
        return answer.rows
