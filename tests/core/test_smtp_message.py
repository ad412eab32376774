"""The old smtp transport's messages, in nodemailer's shape, as mail documents."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.message import trouble
from franking.core.smtp_message import document


def test_a_message_of_the_readme_is_a_document_without_trouble() -> None:  # case 55
    made = document({"from": "a@b.example", "to": "c@d.example", "text": "hello world"})
    assert made == {
        "from": "a@b.example",
        "to": "c@d.example",
        "message": {"subject": "", "text": "hello world"},  # nodemailer sends without a subject
    }
    assert trouble(made) is None


def test_addresses_stand_around_and_all_else_is_the_message() -> None:
    around = {name: f"{name}@x.example" for name in ("from", "to", "cc", "bcc", "replyTo")}
    content = {"subject": "s", "text": "t", "html": "<p>", "headers": {"X-A": "b"}, "odd": [1]}
    assert document({**around, **content}) == {**around, "message": content}


def test_a_message_of_every_field_has_no_trouble() -> None:
    made = document(
        {"to": [{"name": "Ada", "address": "a@x.example"}], "subject": "s", "text": "t"}
    )
    assert trouble(made) is None


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a@x.example", "a@x.example"),
        ("Ada <a@x.example>, b@x.example", "Ada <a@x.example>, b@x.example"),
        (["a@x.example", "b@x.example"], ["a@x.example", "b@x.example"]),
        ({"address": "a@x.example"}, "a@x.example"),
        ({"name": "", "address": "a@x.example"}, "a@x.example"),
        ({"name": None, "address": "a@x.example"}, "a@x.example"),
        ({"name": "Ada", "address": "a@x.example"}, '"Ada" <a@x.example>'),
        ({"name": "L, Ada", "address": "a@x.example"}, '"L, Ada" <a@x.example>'),
        ({"name": 'A "x" \\', "address": "a@x.example"}, '"A \\"x\\" \\\\" <a@x.example>'),
        ({"name": 7, "address": "a@x.example"}, '"7" <a@x.example>'),
        (["a@x.example", {"name": "B", "address": "b@x"}], ["a@x.example", '"B" <b@x>']),
        # What is no address stays as it is, and is told when the mail is submitted.
        ({"name": "Ada"}, {"name": "Ada"}),
        ({"address": 5}, {"address": 5}),
        (5, 5),
        (None, None),
        ([["a@x.example"]], [["a@x.example"]]),
    ],
)
def test_an_address_in_each_of_its_shapes(given: Any, made: Any) -> None:
    assert document({"to": given})["to"] == made


def test_a_list_in_a_list_in_a_list_is_no_address_and_no_trap() -> None:
    deep: Any = "a@x.example"
    for _ in range(5_000):
        deep = [deep]
    assert "'to'" in (trouble(document({"to": deep, "text": "t", "subject": "s"})) or "")
