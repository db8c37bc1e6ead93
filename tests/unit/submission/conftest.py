"""Fixtures: valid submissions in each shape, and an HTTP server on loopback to read workloads from."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from support.submissions import DOCUMENTS, PRODUCT
from support.web import WebServer, web_server


@pytest.fixture
def product() -> dict[str, Any]:
    """A valid submission in the product's own shape, free to be changed."""
    return copy.deepcopy(PRODUCT)


@pytest.fixture
def documents() -> dict[str, Any]:
    """A valid submission in the documents' shape, free to be changed."""
    return copy.deepcopy(DOCUMENTS)


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server on a free loopback port."""
    with web_server() as server:
        yield server
