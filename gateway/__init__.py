"""The one door to the town: JSON over HTTP outside, gRPC inside."""
