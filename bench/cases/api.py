"""In its own process: franking's HTTP on a SQLite file, without the engine, until terminated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.listener import serve
from franking.app.front import front
from franking.config import Settings
from franking.stores.sqlite import SqliteStore


async def api(path: str) -> dict[str, Any]:
    """Serve as `franking serve` does."""
    store = SqliteStore(Path(path))
    await store.open()
    _, app = front(Settings(), store, lambda: None)
    await serve(app)
    await store.close()
    return {"commits": store.commits}


if __name__ == "__main__":
    child.answer(api)
