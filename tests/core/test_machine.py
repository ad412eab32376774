"""A table of arrows: what it leads to, what it refuses, and how it is drawn."""

from __future__ import annotations

import pytest

from franking.core.machine import NOTHING, Arrow, Refused, document, follow, markdown, table

ARROWS = (
    Arrow(NOTHING, "made", "green", note="as it begins"),
    Arrow("green", "kicked", "red"),
    Arrow("green", "kicked", "black", given="hard"),
)


@pytest.mark.parametrize(
    ("state", "event", "given", "target"),
    [
        (NOTHING, "made", "", "green"),
        ("green", "kicked", "", "red"),
        ("green", "kicked", "hard", "black"),
    ],
)
def test_an_arrow_is_followed(state: str, event: str, given: str, target: str) -> None:
    assert follow(table(ARROWS), state, event, given) == target


@pytest.mark.parametrize(
    ("state", "event", "given", "told"),
    [
        ("red", "kicked", "", "kicked is not possible in state red"),
        ("green", "made", "", "made is not possible in state green"),
        ("green", "kicked", "softly", "kicked (softly) is not possible in state green"),
        ("blue", "kicked", "", "kicked is not possible in state blue"),
    ],
)
def test_what_has_no_arrow_is_refused_in_words(
    state: str, event: str, given: str, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        follow(table(ARROWS), state, event, given)
    assert str(caught.value) == told


def test_two_arrows_that_contradict_each_other_make_no_table() -> None:
    with pytest.raises(ValueError, match="two arrows leave"):
        table([*ARROWS, Arrow("green", "kicked", "blue")])


def test_a_chapter_has_a_picture_and_a_table_of_every_arrow() -> None:
    chapter = markdown("Lamp", ARROWS)
    assert "    [*] --> green: made\n" in chapter
    assert "    green --> black: kicked (hard)\n" in chapter
    assert "| – | made | green | as it begins |" in chapter
    assert "| green | kicked (hard) | black |  |" in chapter


def test_the_document_has_a_chapter_for_each_machine() -> None:
    drawn = document({"Lamp": ARROWS, "Door": ARROWS})
    assert [line for line in drawn.splitlines() if line.startswith("## ")] == ["## Lamp", "## Door"]
