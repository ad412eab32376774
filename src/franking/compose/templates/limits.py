"""What one render may use, and what is said where it wanted more.

Times are CPU time, so that a busy machine cuts nobody short. 64 MB are beside what is kept
compiled. Compiling is limited apart: it happens once for each source.
"""

from __future__ import annotations

import msgspec

MEGABYTE = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Given to the child process as they are here."""

    render_ms: int = 250
    compile_ms: int = 2000
    # Of one request, however it spends it, where QuickJS itself does not look at the time.
    fence_ms: int = 4000
    render_bytes: int = 64 * MEGABYTE
    # Handlebars itself (1 MB), what is kept compiled, and what is yet to be collected.
    heap_bytes: int = 12 * MEGABYTE
    cache_bytes: int = 24 * MEGABYTE
    process_bytes: int = 512 * MEGABYTE
    stack_bytes: int = 4 * MEGABYTE
    most_bytes: int = 10 * MEGABYTE


LIMITS = Limits()
# A child that has before it what takes 4 s of CPU at most and has said nothing for so long is lost:
# stopped, or starved.
HANG_SECONDS = 30.0
START_SECONDS = 30.0

TEXTS = {
    "render": f"Error: The template took longer than {LIMITS.render_ms} ms.",
    "compile": f"Error: The template took longer than {LIMITS.compile_ms // 1000} s to compile.",
    "memory": f"Error: The template needed more than {LIMITS.render_bytes // MEGABYTE} MB of"
    " memory.",
    "size": f"Error: The rendered email is larger than {LIMITS.most_bytes // MEGABYTE} MB.",
}
LOST = "Error: The template engine ended twice while it rendered this template."
NOT_STARTED = "Error: The template engine could not be started."
TOO_MANY = "Error: Too many emails wait for the template engine."
CONFUSED = "Error: The template engine asked for a source that is not there."
# What JavaScript says of it, where Python meets it first.
TOO_DEEP = "RangeError: Maximum call stack size exceeded"
