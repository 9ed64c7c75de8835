"""How the ports are served: Postgres, gRPC, httpx, and memory for tests."""
