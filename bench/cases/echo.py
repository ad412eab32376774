"""In its own process: the least that Litestar can do with a mail: check it, and answer with it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar, post

from bench.cases import child
from bench.cases.listener import serve


class Message(msgspec.Struct):
    """What is in the mail."""

    subject: str
    text: str
    html: str


class Document(msgspec.Struct, rename={"sender": "from"}):
    """The mail of the benches."""

    to: str
    sender: str
    message: Message


@post("/v1/mail")
async def echo(data: Document) -> Document:
    """Nothing is kept."""
    return data


async def run() -> dict[str, Any]:
    """Serve, with the same server and settings as franking."""
    await serve(Litestar([echo], openapi_config=None, logging_config=None))
    return {}


if __name__ == "__main__":
    child.answer(run)
