"""TLS: verified by default, and a missing root is told as such."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from services.chat import Message
from services.errors import ConfigError
from services.gigachat import GigaChatModel, GigaChatSettings
from tests.fakes.gigachat import GigaChatServer

QUESTION = [Message("user", "Привет!")]
AUTHORITY = trustme.CA()  # plays the Russian Trusted Root CA: real, and in no default store


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(params=["localhost"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[GigaChatServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(request.param).configure_cert(context)
    async with GigaChatServer(tls=context) as server:
        yield server


async def test_a_missing_root_is_told_with_its_cure(server: GigaChatServer) -> None:
    async with GigaChatModel(server.settings()) as model:
        with pytest.raises(ConfigError, match=r"Russian Trusted Root CA.*GIGA_CA_BUNDLE"):
            await model.complete(QUESTION)
    assert not server.oauth_calls


async def test_a_bundle_is_the_cure(server: GigaChatServer, bundle: Path) -> None:
    async with GigaChatModel(server.settings(ca_bundle=bundle)) as model:
        assert (await model.complete(QUESTION)).text


def test_a_bundle_adds_to_the_default_store(bundle: Path) -> None:
    default = ssl.create_default_context().cert_store_stats()["x509_ca"]
    context = GigaChatSettings(ca_bundle=bundle).ssl_context()
    assert isinstance(context, ssl.SSLContext)
    assert context.cert_store_stats()["x509_ca"] == default + 1
    assert context.verify_mode is ssl.CERT_REQUIRED


async def test_verification_can_be_switched_off_with_one_warning(
    server: GigaChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with GigaChatModel(server.settings(verify_ssl=False)) as model:
            await model.complete(QUESTION)
            await model.complete(QUESTION)
    assert [record.getMessage() for record in caplog.records] == [
        "GIGA_VERIFY_SSL=false: TLS certificates are not checked"
    ]


@pytest.mark.parametrize("server", ["elsewhere.example"], indirect=True)
async def test_another_fault_of_a_certificate_is_not_blamed_on_the_root(
    server: GigaChatServer, bundle: Path
) -> None:
    async with GigaChatModel(server.settings(ca_bundle=bundle)) as model:
        with pytest.raises(ConfigError, match="недействителен: Hostname mismatch") as caught:
            await model.complete(QUESTION)
    assert "Russian" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_bundle_that_is_none(
    server: GigaChatServer, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    async with GigaChatModel(server.settings(ca_bundle=path)) as model:
        with pytest.raises(ConfigError, match="GIGA_CA_BUNDLE"):
            await model.complete(QUESTION)
