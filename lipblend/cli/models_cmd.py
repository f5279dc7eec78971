"""``lipblend models``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, command_app
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.errors import ModelError

app = command_app("List the model files, or download them from their maker.")


@app.command("list")
@handle_errors(stdout_required=True)
def list_command(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the models, their paths, and whether they are the expected files.

    Exit code 6 if the face model is not. The others are needed by some runs only, which stop without them.
    """
    from lipblend.faces.models import MODELS, resolve_model

    entries = []
    for name, spec in MODELS.items():
        try:
            state, place = "ok", str(resolve_model(name, models))
        except ModelError as error:
            state, place = "not usable", str(error)
        entries.append(
            {"name": name, "finds": spec.finds, "optional": spec.optional, "state": state, "place": place}
            | {"sha256": spec.sha256, "url": spec.url}
        )
    rows = [tuple(str(item[key]) for key in ("name", "finds", "state", "place")) for item in entries]
    Console(as_json=as_json).finish({"models": entries}, table_text(("model", "finds", "state", "place"), rows))
    if any(item["state"] != "ok" and not item["optional"] for item in entries):
        raise typer.Exit(ModelError.exit_code)


@app.command("fetch")
@handle_errors(stdout_required=False)
def fetch_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models to download. Default: all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Download models from their maker's official address into the user's cache folder, and verify them."""
    from lipblend.faces.models import MODELS, fetch_model

    console = Console(as_json=as_json)
    fetched = {name: str(fetch_model(name)) for name in names or MODELS}
    console.finish({"models": fetched}, "\n".join(f"{name}  {path}" for name, path in fetched.items()))
