"""Makes the Data API's stubs from its `.proto`, beside it.

`franking` needs a grpcio and a protobuf that are at least as new as what made them: pyproject.toml
pins both sides.
"""

from __future__ import annotations

from pathlib import Path

SOURCE = "src"
PROTO = "franking/apis/rpc/data_api.proto"


def make_stubs(root: Path) -> None:
    """Write `data_api_pb2.py`, its types, and `data_api_pb2_grpc.py`."""
    # Only here: a build is asked what it needs before it has it.
    import grpc_tools
    from grpc_tools import protoc

    source = str(root / SOURCE)
    well_known = str(Path(grpc_tools.__file__).parent / "_proto")
    made = ("--python_out", "--pyi_out", "--grpc_python_out")
    arguments = [f"-I{source}", f"-I{well_known}", *(f"{each}={source}" for each in made)]
    if protoc.main(["protoc", *arguments, PROTO]) != 0:
        raise RuntimeError(f"protoc refused {PROTO}; it says why above")
