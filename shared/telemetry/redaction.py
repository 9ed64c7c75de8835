"""
Keeps secrets out of what is written down: whatever a secret port has given out is replaced in
log lines, and in all that an attempt reports.

A value is known in the forms in which it travels: as it is, inside of JSON, also where that is a
text of JSON, inside of a URL, and as base64 of the whole. What a function makes of it otherwise,
a part or a hash, is not known here.
"""

import json
import threading
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote, quote_plus

from shared.ids import TenantId
from shared.json import Json, dump, load

MASK = "***"
"""What stands where a secret was. It is shorter than any secret, so that no limit is passed."""

MIN_HIDDEN = 6
"""What is shorter, in characters, cannot be told from other words, and so cannot be hidden."""

MAX_HIDDEN = 10_000
"""How many values are known at most; one more, and that asked for longest ago is forgotten."""

_Forms: TypeAlias = tuple[str, ...]


class Redactor:
    """
    Values by the tenant whose they are: one tenant's do not touch what another one reports, and
    log lines hold none of any. May be asked from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hidden: OrderedDict[tuple[TenantId, str], _Forms] = OrderedDict()
        self._of: dict[TenantId, _Forms] = {}
        self._all: _Forms = ()

    def hide(self, tenant_id: TenantId, value: str) -> None:
        """
        From now on the value is replaced. Raises ValueError if it is shorter than MIN_HIDDEN,
        white space around it not counted.
        """
        if len(value.strip()) < MIN_HIDDEN:
            raise ValueError(f"a value of fewer than {MIN_HIDDEN} characters cannot be hidden")
        key = (tenant_id, value)
        with self._lock:
            if key in self._hidden:
                self._hidden.move_to_end(key)
                return
            self._hidden[key] = _forms_of(value)
            touched = {tenant_id}
            while len(self._hidden) > MAX_HIDDEN:
                (other, _), _ = self._hidden.popitem(last=False)
                touched.add(other)
            self._gather(touched)

    def knows(self, tenant_id: TenantId) -> bool:
        """Whether anything of the tenant's is to be replaced."""
        return tenant_id in self._of

    def line(self, text: str) -> str:
        """Text without any tenant's secrets."""
        return _without(text, self._all)

    def event(self, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The same for a log event that is not text yet."""
        forms = self._all
        return {name: _clean(value, forms) for name, value in event.items()} if forms else event

    def text(self, tenant_id: TenantId, text: str) -> str:
        """Text without the tenant's secrets."""
        return _without(text, self._of.get(tenant_id, ()))

    def json(self, tenant_id: TenantId, value: Json) -> Json:
        """JSON without the tenant's secrets, in names and numbers too; within MAX_DEPTH."""
        forms = self._of.get(tenant_id)
        clean: Json = value if forms is None else _clean(value, forms)
        return clean

    def json_text(self, tenant_id: TenantId, text: str) -> str:
        """Canonical JSON text without the tenant's secrets; never longer than before."""
        forms = self._of.get(tenant_id)
        # Texts stand in it as JSON writes them, whatever they hold.
        if forms is None or not any(_in_json(form) in text for form in forms):
            return text
        return dump(_clean(load(text), forms))

    def _gather(self, tenants: set[TenantId]) -> None:
        for tenant_id in tenants:
            forms = _longest_first(
                form for (of, _), forms in self._hidden.items() if of == tenant_id for form in forms
            )
            if forms:
                self._of[tenant_id] = forms
            else:
                self._of.pop(tenant_id, None)
        self._all = _longest_first(form for forms in self._of.values() for form in forms)


REDACTOR = Redactor()
"""This process's: its log lines are looked through, and executors tell it what they resolve."""


def without_secrets(_logger: object, _method: str, line: Any) -> str:
    """A log line as people read it, without secrets; the last step of writing one."""
    return REDACTOR.line(line)


def without_secrets_in(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A log event without secrets, before it becomes JSON, so that JSON it becomes."""
    return REDACTOR.event(event)


def _longest_first(forms: Iterable[str]) -> _Forms:
    """So that a form which holds another one is replaced whole."""
    return tuple(sorted(set(forms), key=len, reverse=True))


def _forms_of(value: str) -> _Forms:
    written = value.encode("utf-8", "surrogatepass")
    return tuple(
        {
            value,
            value.strip(),
            _in_json(value),
            _in_json(_in_json(value)),
            json.dumps(value)[1:-1],
            quote(written, safe=""),
            quote_plus(written),
            b64encode(written).decode().rstrip("="),
        }
    )


@lru_cache(MAX_HIDDEN)
def _in_json(text: str) -> str:
    return dump(text.encode(errors="replace").decode())[1:-1]


def _without(text: str, forms: _Forms) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _clean(value: Any, forms: _Forms) -> Any:
    match value:
        case str():
            return _without(value, forms)
        case list() | tuple():
            return [_clean(item, forms) for item in value]
        case dict():
            return {_without(str(name), forms): _clean(item, forms) for name, item in value.items()}
        case _:
            # A number may be one, and a log event may hold any object.
            text = str(value)
            return MASK if any(form in text for form in forms) else value
