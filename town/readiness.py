"""Asking a process whether it may take traffic."""

import http.client
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.tls import PLAIN, Tls

TIMEOUT_SECONDS = 1.0
# Of a worker's file: it touches it about every second, unless a database keeps it waiting.
BEAT_SECONDS = 5.0


def service_is_ready(target: str, tls: Tls = PLAIN) -> bool:
    """Tell whether the service at a gRPC target serves; False also when nobody answers."""
    with tls.channel(target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def gateway_is_ready(host: str, port: int) -> bool:
    """Tell whether the gateway takes traffic; False also when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_is_ready(beat: Path) -> bool:
    """Tell whether the worker that touches this file does its work."""
    try:
        return time.time() - beat.stat().st_mtime < BEAT_SECONDS
    except OSError:
        return False
