"""The commands of `franking template` and their options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from franking.cli import starting

template = typer.Typer(no_args_is_help=True, help="Templates that mails are rendered from.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The template's id.")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The server to talk to; else it is found by the database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


class Part(StrEnum):
    """A part of a template."""

    SUBJECT = "subject"
    TEXT = "text"
    HTML = "html"
    AMP = "amp"


@template.command("set")
def set_(
    place: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="ID.json, ID.html.hbs and its like, or all.")
    ],
    url: Url = None,
) -> None:
    """Keep the template that a file is of, or all of a folder; mails see it within two seconds."""
    from franking.cli import template_files, templates

    found = template_files.read(place)
    starting.through_door("template set", url, lambda door: templates.set_templates(door, found))


@template.command("list")
def list_(
    search: Annotated[
        str | None, typer.Option("--q", "--search", help="How the id begins, or the name.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Every template, by id."""
    from franking.cli import templates

    starting.through_door(
        "template list", url, lambda door: templates.list_templates(door, search, as_json)
    )


@template.command()
def show(id: Id, as_json: AsJson = False, url: Url = None) -> None:
    """One template, as it was written."""
    from franking.cli import templates

    starting.through_door("template show", url, lambda door: templates.show(door, id, as_json))


@template.command()
def delete(id: Id, url: Url = None) -> None:
    """Remove it; mails that still name it end in ERROR, which says so."""
    from franking.cli import templates

    starting.through_door("template delete", url, lambda door: templates.delete(door, id))


@template.command()
def render(
    id: Id,
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What is put in, as a JSON object; - is standard input."),
    ] = None,
    place: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE|DIR", help="Render it as it is there; it is not kept."
        ),
    ] = None,
    part: Annotated[Part | None, typer.Option(help="Print only this part, as it is.")] = None,
    url: Url = None,
) -> None:
    """Try a template out: nothing is sent. Exit code 0: it renders."""
    from franking.cli import template_files, templates
    from franking.cli.exits import Code, Ended

    given = template_files.data(data)
    document = None
    if place is not None:
        document = template_files.read(place).get(id)
        if document is None:
            raise Ended(Code.USAGE, f"{place} has no template {id}.")
    wanted = None if part is None else part.value
    starting.through_door(
        "template render",
        url,
        lambda door: templates.render(door, id, given, document, wanted),
    )
