"""The Data API: timers over gRPC, `franking.data.v1.DataApi`; its server, and a client for it.

`data_api.proto` describes every call; the build makes `data_api_pb2` and `data_api_pb2_grpc` of
it. `docs/data-api.md` shows how to call it.
"""

import os

# Else gRPC says on standard error that it can't follow where a process is forked to start another.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
