"""Templates: handlebars.js itself, in a QuickJS of its own process.

Why a process and not a thread: QuickJS does let go of Python's lock while it runs, so a thread
would not hold up the event loop (a 250 ms loop in one delayed it by 10 ms). But it counts the CPU
time of all threads (a busy loop beside it had a render cut off after 124 of its 250 ms), some of
what it does can't be interrupted, and memory that it breaks would be that of the process which
holds the secrets. A process can be fenced by the kernel, and killed.
"""

from franking.compose.templates.plan import Rendered
from franking.compose.templates.process import NotStarted
from franking.compose.templates.renderer import Renderer

__all__ = ["NotStarted", "Rendered", "Renderer"]
