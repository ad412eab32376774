"""What nobody sane hands in: JSON, documents, templates, queries, headers and forms, drawn."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

Drawn = st.SearchStrategy[Any]


def examples(number: int) -> settings:
    """So many of them, the same ones each time."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def encoded(value: Any) -> bytes:
    """JSON, halves of surrogate pairs and very large numbers included."""
    return json.dumps(value).encode()


def quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


# Words that mean something to somebody on the way.
WORDS = (
    *("", " ", "\0", "\r\n", "\u2028", "\ud800", "\udfff\ud800", "😀", "__proto__", "constructor"),
    *("null", "a@b.c", "{{x}}", "{{> p}}", "%00", "../..", "\\", "NaN", "-1", "1e999", "9" * 400),
    *("x" * 3000, "data:,x", "file:///etc/passwd", "http://127.0.0.1/", "default", "m1", "t1"),
    *("ask", "RETRY", "PENDING", "ERROR", "SUCCESS", "PROCESSING", "2026-11-21T14:05:00Z"),
)
NUMBERS = (
    0,
    -1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    -0.0,
    253402300800000,
)
TIMES = ("2026-11-21T14:05:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999-23:59")

texts = st.sampled_from(WORDS) | st.text(max_size=20)
leaves = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.floats(allow_nan=False) | texts
anything: Drawn = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
) | st.sampled_from([deep(99), deep(101), {"a": deep(98)}])


def some(**fields: Drawn) -> Drawn:
    """A map with some of these fields, each as it should be or anything at all."""
    return st.fixed_dictionaries({}, optional={k: v | anything for k, v in fields.items()})


def few(values: Drawn) -> Drawn:
    return st.lists(values, max_size=2)


def maps(values: Drawn) -> Drawn:
    return st.dictionaries(texts, values, max_size=2)


addresses = st.sampled_from(["a@example.com", ["a@example.com", "B <b@example.com>"], [""], "x"])
times = st.sampled_from(TIMES)
attachments = some(
    **dict.fromkeys(("filename", "content", "path", "href", "contentType", "cid", "raw"), texts),
    httpHeaders=maps(texts),
    encoding=st.sampled_from(["base64", "hex", "x"]),
    headers=maps(anything),
)
messages = some(
    **dict.fromkeys(("subject", "text", "html", "amp", "messageId"), texts),
    icalEvent=some(method=texts, content=texts, path=texts),
    attachments=few(attachments),
)
deliveries = some(
    state=st.sampled_from(["PENDING", "RETRY", "PROCESSING", "SUCCESS", "ERROR", "x"]),
    attempts=st.sampled_from(NUMBERS),
    info=some(messageId=texts, accepted=few(texts), rejected=anything, response=texts),
    **dict.fromkeys(("startTime", "endTime", "leaseExpireTime", "expireAt"), times),
    **dict.fromkeys(("error", "outcome", "category"), texts),
)
documents = some(
    **dict.fromkeys(("to", "cc", "bcc"), addresses),
    **dict.fromkeys(("toUids", "ccUids", "bccUids"), few(st.just("u1"))),
    **dict.fromkeys(("from", "replyTo", "touchpointId", "emailMessageId", "remainderOf"), texts),
    headers=maps(anything),
    message=messages,
    template=some(name=st.sampled_from(["t1", "p1", "__proto__", "nope"]), data=maps(anything)),
    sendGrid=some(templateId=texts, dynamicTemplateData=anything, customArgs=maps(texts)),
    categories=few(texts),
    account=st.sampled_from(["default", "nobody"]),
    sendAt=times,
    sendBefore=times,
    priority=st.integers(-3, 3),
    onUnknown=st.sampled_from(["ask", "resend"]),
    delivery=deliveries,
)
_TOKENS = (
    *("{{", "}}", "{{{", "}}}", "#each ", "/each", "#*inline ", "> ", "else", "a", "..", "this"),
    *("@root", "lookup", "(", ")", "=", "|", "as", '"', "'", "!--", "--", "~", " ", "\n", "\\"),
)
sources = texts | st.lists(st.sampled_from(_TOKENS), max_size=12).map("".join)
templates = some(
    **dict.fromkeys(("subject", "text", "html", "amp"), sources),
    partial=st.booleans(),
    name=texts,
    attachments=few(st.dictionaries(st.sampled_from(["filename", "path", "{{x}}"]), sources)),
    sample=anything,
)
users = some(email=texts, name=texts)
webhooks = some(
    url=st.sampled_from(
        ["http://127.0.0.1:1/", "https://[::1]/", "http://[::1", "http://a:99999/"]
    ),
    types=few(st.sampled_from(["onStart", "onComplete", "x"])),
    include=st.sampled_from(["doc", "delivery"]),
    enabled=st.booleans(),
    secret=texts,
)
timers = some(
    timeout=st.sampled_from(NUMBERS),
    dueAt=times,
    created=st.sampled_from(NUMBERS),
    data=texts | documents,
    callback=some(
        transport=st.sampled_from(["http", "tcp", "mail", "smtp"]),
        method=st.sampled_from(["post", "x"]),
        uri=texts | st.sampled_from(["http://127.0.0.1:1/", "tcp://[::1]:9", "http://["]),
    ),
)
touchpoints = some(
    type=st.sampled_from(["automated", "manual"]),
    cadenceMemberId=texts,
    emailMessageId=texts,
    dueAt=times,
    mail=documents,
)
# Fields of what is asked of things that are there: pauses, retries, lists to send again.
requests = some(
    **dict.fromkeys(("force", "all", "enabled"), st.booleans()),
    **dict.fromkeys(("state", "q", "after", "touchpoint", "reason", "category"), texts),
    **dict.fromkeys(("limit", "seq", "minutes", "perMinute"), st.sampled_from(NUMBERS)),
    until=times,
    ids=few(texts),
    data=maps(anything),
    document=templates,
    mail=documents,
    scopes=few(st.sampled_from(["mail:read", "timers"])),
    events=few(maps(anything)),
)
bodies = documents | templates | users | webhooks | timers | touchpoints | requests | anything
ids = (
    st.sampled_from(["m1", "m2", "t1", "u1", "default", "batch"])
    | texts.filter(lambda text: text not in ("", ".", ".."))
    | st.sampled_from(["x" * 255, "x" * 256, "é" * 255])
)
_NAMES = (
    *("If-Match", "If-None-Match", "Idempotency-Key", "Prefer", "Last-Event-ID", "Range", "Accept"),
    *("Content-Type", "Content-Encoding", "x-timer-id", "x-touchpoint-id", "Cookie", "Traceparent"),
    *("HX-Request", "HX-Target", "If-Modified-Since", "X-HTTP-Method-Override", "Authorization"),
)
_VALUES = (
    *("*", '"1"', 'W/"1"', "1", '"', "", "bytes=0-", "bytes=-1", "respond-async, wait=1", "wait=x"),
    *("-1", "9" * 30, '"a", "b"', ",,,", "\xff", "Basic =", "Bearer fk_", "application/json;;=,"),
)
headers = st.dictionaries(
    st.sampled_from(_NAMES),
    (st.sampled_from(_VALUES) | st.text(st.characters(min_codepoint=32, max_codepoint=126))).map(
        lambda value: value.encode("latin-1")
    ),
    max_size=3,
)
_ASKED = (
    *("q", "after", "before", "limit", "state", "account", "window", "text", "types", "category"),
    *("touchpoint", "member", "transport", "id", "new", "next", "status", "seq", "retries"),
)
queries = st.lists(
    st.tuples(st.sampled_from(_ASKED), texts | st.sampled_from(["1", "200", "201", "hour"])),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={quoted(value)}" for name, value in pairs)) | (
    st.sampled_from(["%", "%ff=%fe", "a;b", "=&=&", "q=%C3%28", "limit=%D9%A1", "q=a&q=b"])
)
_FORM = (
    *("to", "cc", "from", "subject", "text", "html", "name", "attachments", "sample", "partial"),
    *("match", "force", "dialog", "progress", "stop", "after", "account", "minutes", "reason"),
    *("how", "template", "all", "touchpoint", "seq", "next", "key", "id", "retries", "state"),
)
forms = st.lists(
    st.tuples(st.sampled_from(_FORM), texts | anything.map(json.dumps)), max_size=6
).map(lambda pairs: "&".join(f"{name}={quoted(value)}" for name, value in pairs).encode())
