"""``lipblend models``."""

from __future__ import annotations

from typing import Annotated

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded, guarded_maker
from lipblend.cli.shared_options import JsonOption, ModelsOption, command_app
from lipblend.cli.tables import table_text
from lipblend.errors import ModelError

app = command_app("List the model files, or fetch one from its maker.")


@app.command("list")
@guarded
def list_command(models: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the models, where each was found, and whether it is the expected file. Exit code 6 when one is not."""
    from lipblend.faces.models import MODELS, resolve_model

    entries = []
    for name, spec in MODELS.items():
        try:
            state, place = "ok", str(resolve_model(name, models))
        except ModelError as error:  # a missing model is what this list is there to show
            state, place = "not usable", str(error)
        entries.append({"name": name, "state": state, "place": place, "sha256": spec.sha256, "url": spec.url})
    rows = [(item["name"], item["state"], item["place"]) for item in entries]
    Console(as_json=as_json).finish({"models": entries}, table_text(("model", "state", "place"), rows))
    if any(item["state"] != "ok" for item in entries):
        raise typer.Exit(ModelError.exit_code)


@app.command("fetch")
@guarded_maker
def fetch_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Which models; all when none is named.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch models from their maker's official address into the user's cache folder, and check them."""
    from lipblend.faces.models import MODELS, fetch_model

    console = Console(as_json=as_json)
    fetched = {name: str(fetch_model(name)) for name in names or MODELS}
    console.finish({"models": fetched}, "\n".join(f"{name}  {path}" for name, path in fetched.items()))
