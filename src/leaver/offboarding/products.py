"""Renews the table of product names from the list that Microsoft publishes, and remembers it in the data folder."""

from __future__ import annotations

import asyncio
import csv
import io
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from leaver.domain.errors import Unavailable, Unusable
from leaver.domain.products import load_refreshed
from leaver.store.files import write_private

SOURCE = (
    "https://download.microsoft.com/download/e/3/e/e3e9faf2-f28b-490a-9ada-c6089a1fc5b0/"
    "Product%20names%20and%20service%20plan%20identifiers%20for%20licensing.csv"
)
"""Linked from Microsoft Entra: product names and service plan identifiers for licensing."""
COLUMNS = {"Product_Display_Name", "String_Id", "GUID"}
LARGEST = 20_000_000
"""Bytes; the list has about one million."""
SECONDS = 30.0


@dataclass(frozen=True)
class Refreshed:
    """What a renewal brought."""

    products: int
    source: str
    path: Path


async def refresh(data_dir: Path, *, url: str = "", file: str = "", ca_file: Path | None = None) -> Refreshed:
    """Take the list from a file or an address (Microsoft's own by default), check it, and use it from here on."""
    source = file or url or SOURCE
    data = await asyncio.to_thread(_from_file, file) if file else await asyncio.to_thread(_download, source, ca_file)
    text = _decoded(data)
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or COLUMNS - set(rows[0]):
        raise Unusable(
            f"{source} is not the list of products: it lacks the columns {', '.join(sorted(COLUMNS))}.",
            "not_the_product_list",
            advice="The names that were known before stay in use.",
        )
    path = cached(data_dir)
    await asyncio.to_thread(write_private, path, text)
    return Refreshed(await asyncio.to_thread(load_refreshed, path), source, path)


def cached(data_dir: Path) -> Path:
    """Where the list is kept."""
    return data_dir / "product-names.csv"


def use_cached(data_dir: Path) -> None:
    """Know the product names that an earlier renewal brought."""
    path = cached(data_dir)
    if path.is_file():
        load_refreshed(path)


def _from_file(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Unusable(f"The file {file} cannot be read: {error.strerror}.", "unreadable_file") from error


def _download(url: str, ca_file: Path | None) -> bytes:
    if urlsplit(url).scheme not in ("https", "http"):
        raise Unusable(f"{url!r} is no web address.", "bad_address")
    trust = ssl.create_default_context()
    if ca_file is not None:
        trust.load_verify_locations(ca_file)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS, context=trust) as answer:  # noqa: S310 - the scheme is checked
            data: bytes = answer.read(LARGEST + 1)
    except (OSError, urllib.error.URLError) as error:
        raise Unavailable(
            f"The list of products could not be fetched from {url}: {error}.",
            "product_list_unavailable",
            advice="Download it in a browser and run `leaver licenses refresh --file FILE`.",
        ) from error
    if len(data) > LARGEST:
        raise Unusable(f"{url} is far too large to be the list of products.", "not_the_product_list")
    return data


def _decoded(data: bytes) -> str:
    """Microsoft publishes the list in UTF-8 at one time and in Windows-1252 at another."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
