"""Errors of file stores: what they mean, with the address and a next step, and never with credentials."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lipblend.errors import InputError, LipblendError, OutputError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_SECRET_KEY = re.compile(r"key|secret|token|password|passphrase|credential|connection_string", re.IGNORECASE)
_SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "NoAuthTokenError", "CredentialRetrievalError")
_MIN_SECRET_CHARS = 4


class StoppedError(Exception):
    """A transfer was stopped because its job was."""


def shown_address(address: str) -> str:
    """An address for messages: without what follows ``?`` on the web, and without a password."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    if "@" in host and ":" in host.rpartition("@")[0]:
        host = f"...@{host.rpartition('@')[2]}"
    if scheme.lower() in ("http", "https"):
        path = re.sub(r"\?.*", "?...", path, flags=re.DOTALL)
    return f"{scheme}://{host}{slash}{path}"


@dataclass(frozen=True)
class StoreErrors:
    """Turns errors of a store into those of lipblend.

    Attributes
    ----------
    address : str
    secrets : sequence of str
        Texts that are not shown.
    """

    address: str
    secrets: Sequence[str]

    def explained(self, error: Exception, doing: str, kind: type[LipblendError]) -> LipblendError:
        """What an error means; ``doing`` is what was tried: ``read``."""
        text, shown = self.clean(error), shown_address(self.address)
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            hint = "Free some space, or choose another --scratch FOLDER."
            return OutputError(f"cannot {doing} {shown}: {os.strerror(error.errno)}", hint=hint)
        if isinstance(error, FileNotFoundError):
            what = "does not exist" if kind is InputError else "cannot be written, its bucket or folder does not exist"
            return kind(f"{shown} {what}", hint="Check the address.")
        if isinstance(error, PermissionError):
            hint = "Check the credentials (--storage-options, or the environment) and what they allow."
            return kind(f"no permission to {doing} {shown}: {text}", hint=hint)
        if type(error).__name__ in _NO_CREDENTIALS:
            hint = "Set them in the environment, or in a file for --storage-options."
            return kind(f"there are no credentials to {doing} {shown}: {text}", hint=hint)
        hint = "Check the connection and the address of the server, and run the same command again to go on."
        return kind(f"cannot {doing} {shown}: {type(error).__name__}: {text}", hint=hint)

    def clean(self, error: Exception) -> str:
        """The text of an error on one line, without secrets."""
        text = " ".join(str(error).replace(self.address, shown_address(self.address)).split()).rstrip(".")
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def secrets_of(storage: Mapping[str, Any]) -> list[str]:
    """Texts that may not be shown: those of options that sound secret, and those of the environment."""
    found = [os.environ.get(name, "") for name in _SECRET_VARIABLES]
    todo: list[tuple[str, Any]] = list(storage.items())
    while todo:
        key, value = todo.pop()
        if isinstance(value, Mapping):
            todo += value.items()
        elif _SECRET_KEY.search(key) and isinstance(value, str):
            found.append(value)
    return sorted({each for each in found if len(each) >= _MIN_SECRET_CHARS}, key=len, reverse=True)
