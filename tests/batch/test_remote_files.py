"""Files at addresses: their versions, what is written in one step, and errors that help without telling secrets."""

from __future__ import annotations

import builtins
import errno
from pathlib import Path
from threading import Event

import fsspec
import pytest

from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions, protocol_fault
from lipblend.batch.remote.storage_options import read_storage_options
from lipblend.batch.remote.store_errors import StoreErrors, secrets_of, shown_address
from lipblend.errors import InputError, LipblendError, OutputError, SettingsError
from tests.object_store import KEY, SECRET, ObjectStore


def test_a_version_changes_with_the_content(store: ObjectStore, tmp_path: Path) -> None:
    file = RemoteFile("s3://films/v.mp4", store.options(tmp_path))
    assert file.look() is None
    file.write(b"one")
    first = file.look()
    assert first is not None
    assert (first.size, first.modified_s is not None) == (3, True)
    file.write(b"two")
    second = file.look()
    file.write(b"one")
    assert second is not None
    assert second.version != first.version
    again = file.look()
    assert again is not None
    assert again.version == first.version
    with pytest.raises(InputError, match="s3://films is a folder"):
        RemoteFile("s3://films", store.options(tmp_path)).look()


def test_hidden_files_lie_beside() -> None:
    file = RemoteFile("memory://m/out/x.mp4", RemoteOptions())
    assert file.name == "x.mp4"
    assert file.beside(".lock").address == "memory://m/out/.x.mp4.lock"


def test_on_file_systems_a_file_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"whole")
    file = RemoteFile(f"file://{tmp_path}/new/x.mp4", RemoteOptions())
    file.publish(source, Event())
    assert (tmp_path / "new" / "x.mp4").read_bytes() == b"whole"
    names: list[str] = []
    real = file._fs.put_file

    def broken(local: str, path: str, **more: object) -> None:
        real(local, path, **more)
        names.append(path)
        raise OSError(errno.EIO, "the disk broke")

    file._fs.put_file = broken  # on this instance
    try:
        source.write_bytes(b"other")
        with pytest.raises(OutputError, match=r"cannot write file://.*the disk broke"):
            file.publish(source, Event())
    finally:
        del file._fs.put_file
    assert names
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.mp4"]
    assert (tmp_path / "new" / "x.mp4").read_bytes() == b"whole"


def test_wrong_credentials_are_told_without_them(store: ObjectStore, tmp_path: Path) -> None:
    options = store.options(tmp_path, secret="a-wrong-secret")
    file = RemoteFile("s3://films/a.mp4", options)
    for kind, action in ((InputError, file.look), (OutputError, lambda: file.write(b"x"))):
        with pytest.raises(kind, match=r"no permission to .* s3://films/a\.mp4") as caught:
            action()
        text = f"{caught.value} {options!r} {caught.value.__cause__}"
        assert "--storage-options" in text
        assert not any(secret in text for secret in (KEY, SECRET, "a-wrong-secret"))


def test_a_server_that_is_gone_is_told_with_the_address(tmp_path: Path) -> None:
    patient = {"config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 1}}
    storage = {"s3": {"key": KEY, "secret": SECRET, "endpoint_url": "http://127.0.0.1:9", **patient}}
    with pytest.raises(InputError, match=r"cannot look at s3://films/a\.mp4: EndpointConnectionError"):
        RemoteFile("s3://films/a.mp4", RemoteOptions(storage=storage)).look()


def test_protocols_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert protocol_fault("memory") == ""
    with pytest.raises(SettingsError, match="nonsense:// is not a protocol that fsspec knows"):
        RemoteFile("nonsense://a/b", RemoteOptions())
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda _: (_ for _ in ()).throw(ImportError("install x.")))
    assert "needs a package that is not installed (install x)" in protocol_fault("sftp")
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "fsspec":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    assert protocol_fault("s3") == "addresses need fsspec, which is not installed. Install it with `pip install " + (
        '".[remote]"`'
    )


def test_wrong_options_are_told_without_their_values() -> None:
    options = RemoteOptions(storage={"s3": {"endpoint_url": "http://127.0.0.1:9", "retires": "x", "secret": SECRET}})
    with pytest.raises(LipblendError) as caught:
        RemoteFile("s3://films/a.mp4", options).look()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://bucket/a b.mp4", "s3://bucket/a b.mp4"),
        ("https://host/a.mp4?X-Amz-Signature=abc", "https://host/a.mp4?..."),
        ("sftp://me:secret@host/a.mp4", "sftp://...@host/a.mp4"),
        ("sftp://me@host/a.mp4", "sftp://me@host/a.mp4"),
    ],
)
def test_addresses_are_shown_without_secrets(address: str, shown: str) -> None:
    assert shown_address(address) == shown
    error = StoreErrors(address, ()).explained(OSError(f"no answer from {address}"), "read", InputError)
    assert shown in error.message
    assert shown == address or address not in str(error)


def test_secrets_are_cut_out_of_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
    secrets = secrets_of(
        {"key": "the-key", "client_kwargs": {"aws_session_token": "the-token"}, "endpoint_url": "here"}
    )
    assert secrets == ["from-the-environment", "the-token", "the-key"]
    text = StoreErrors("s3://a/b", secrets).clean(OSError("the-key and the-token\nat here with from-the-environment."))
    assert text == "*** and *** at here with ***"


def test_a_full_disk_is_named() -> None:
    error = StoreErrors("s3://a/b", ()).explained(OSError(errno.ENOSPC, "full"), "read", InputError)
    assert isinstance(error, OutputError)
    assert "--scratch" in error.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3: {endpoint_url: 'http://h', key: k}\nSFTP: {username: u}", ""),
        ("[1]", "has no options by protocol"),
        ("s3: word\n", "line 1: s3 has no mapping of options"),
    ],
)
def test_the_file_of_storage_options(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "storage.yaml"
    path.write_text(text)
    if message:
        with pytest.raises(SettingsError, match=message):
            read_storage_options(path)
    else:
        assert read_storage_options(path) == {
            "s3": {"endpoint_url": "http://h", "key": "k"},
            "sftp": {"username": "u"},
        }
