"""The mapping file: how the columns and values of somebody's order file become our orders."""

import codecs
import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edge.messages.orders import PRIORITY_NORMAL
from edge.settings.model import Model, Name
from edge.settings.reading import load


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone; write one such as 'Europe/London'")
    return name


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        if '\n",;'.encode(name) != b'\n",;':
            raise ValueError(f"{name!r} is not a superset of ASCII; save the file as utf-8")
    except LookupError as error:
        raise ValueError(f"{name!r} is not a known encoding; write utf-8, cp1252 or iso-8859-1") from error
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression ({error}); put a \\ before special signs") from error
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Routes = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]
Column = Annotated[str, Field(min_length=1)]


class ColumnsSettings(Model):
    """Our field: the header of their column. The first four are needed in every row."""

    order_id: Column
    sku: Column
    quantity: Column
    ordered_at: Column
    customer: str = ""
    description: str = ""
    route: str = ""
    """The column whose value picks the route (a country, a service, a region)."""
    priority: str = ""


class TimeSettings(Model):
    """How the time of an order is written."""

    format: str = "iso"
    """`iso` for ISO 8601, or a strptime format such as "%d/%m/%Y %H:%M". An offset in the text wins over timezone."""
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    """Whose local time it is. A time the clock change skips counts one hour on; of one that comes twice the first."""


class OrderMapping(Model):
    """orders-*.yaml: the columns of an order file, its decisions, and its routes."""

    schema_: Literal["edge/orders-map/1"] = Field(alias="schema")
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1, pattern=r'^[^"\r\n]$')
    columns: ColumnsSettings
    ordered_at: TimeSettings = TimeSettings()
    sku_case: Literal["keep", "upper"] = "keep"
    """`upper` where the file writes one article in two ways (84997b, 84997B)."""
    duplicates: Literal["merge", "reject"] = "reject"
    """The same order and SKU in a second row: add the quantities up to one line, or reject the row as DUPLICATE."""
    cancellation_prefix: str = ""
    """Order ids that start so are credit notes and are rejected as CREDIT_NOTE; "" = none are."""
    not_goods: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    """Stock codes, or regular expressions for whole stock codes (case ignored), of postage and fees: NOT_GOODS."""
    quantity_max: int = Field(100_000, ge=1, le=100_000)
    lines_max: int = Field(2000, ge=1, le=2000)
    routes: dict[str, Routes] = {}
    """Value of columns.route: a route, or a list over which orders are spread (see spread_by)."""
    default_route: Name
    spread_by: Literal["customer", "order_id"] = "customer"
    """What is hashed to choose from a list, so that a customer stays on one route; without a customer the order id."""
    priorities: dict[str, Annotated[int, Field(ge=1, le=9)]] = {"EXPRESS": 2}
    """Value of columns.priority, or else the route: priority 1 (most urgent) to 9; others get 5."""

    @model_validator(mode="after")
    def _route_needs_column(self) -> "OrderMapping":
        if self.routes and not self.columns.route:
            raise ValueError("routes needs columns.route: the column whose values they are")
        return self

    def is_goods(self, sku: str) -> bool:
        """No pattern of not_goods covers the whole stock code."""
        return not any(re.fullmatch(pattern, sku, re.IGNORECASE) for pattern in self.not_goods)

    def priority_of(self, value: str, route: str) -> int:
        """The priority of an order with this value in columns.priority on this route."""
        return self.priorities.get(value, self.priorities.get(route, PRIORITY_NORMAL))


def read_mapping(path: Path) -> OrderMapping:
    """A mapping file. Raises ConfigError naming file, line, column, field and remedy."""
    mapping, _ = load(path, OrderMapping)
    return mapping
