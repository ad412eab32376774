"""The Data API: timers over gRPC, `franking.data.v1.DataApi`; its server, and a client for it.

`data_api.proto` describes every call; the build makes `data_api_pb2` and `data_api_pb2_grpc` of
it. `docs/data-api.md` shows how to call it.
"""
