"""JSON Merge Patch (RFC 7396) on a mail document: the top level and `message`, no deeper."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.merging import merged


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        # The RFC's own examples (appendix A) that are flat objects.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": None}, {}),
        # `message`, field by field.
        (
            {"message": {"subject": "S", "text": "T"}},
            {"message": {"text": None, "html": "H"}},
            {"message": {"subject": "S", "html": "H"}},
        ),
        ({"message": {"a": 1}}, {"message": None}, {}),
        ({"message": {"a": 1}}, {"message": "text"}, {"message": "text"}),
        ({"message": "text"}, {"message": {"a": 1, "b": None}}, {"message": {"a": 1}}),
        ({}, {"message": {"a": 1, "b": None}}, {"message": {"a": 1}}),
        ({"message": {"a": 1}}, {"message": {}}, {"message": {"a": 1}}),
        # No deeper: other maps are replaced whole.
        ({"headers": {"a": "1"}}, {"headers": {"b": "2"}}, {"headers": {"b": "2"}}),
        # `delivery` is not a field of the document.
        ({"to": "a"}, {"delivery": {"state": "RETRY"}}, {"to": "a"}),
        ({"to": "a"}, {}, {"to": "a"}),
    ],
)
def test_a_patch_is_merged(
    document: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert merged(document, patch) == result


def test_neither_the_document_nor_the_patch_is_changed() -> None:
    document, patch = {"message": {"a": 1}}, {"message": {"a": None}}
    merged(document, patch)
    assert (document, patch) == ({"message": {"a": 1}}, {"message": {"a": None}})
