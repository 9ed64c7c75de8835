"""What is configured from outside, by `FOLIOT_…` environment variables; both planes read it."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

_FIELD = re.compile(r'field "(\w+)"')


class AiProvider(BaseModel):
    """A server of models that AI tasks may ask, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["anthropic", "openai"]
    """What it speaks: Anthropic's Messages API, or OpenAI's chat completions."""

    base_url: str = ""
    """Where it is, as `http://127.0.0.1:8000/v1`; not set, where the kind's own service is."""

    secret: str = ""
    """The name of the tenants' secret that holds the key; not set, `<name of provider>_api_key`."""

    api_key: SecretStr = SecretStr("")
    """The operator's own key, for tenants that have none of their own. Not set, they need one."""

    needs_key: bool = True
    """False for a server that takes no key."""

    structured_output: bool = True
    """False for a server without structured output; answers are looked at all the same."""


class AiToolServer(BaseModel):
    """A server of tools by the Model Context Protocol: a command to run, or an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: list[str] = []
    """Program and arguments of one that is run for each task and spoken to over its pipes."""

    env: dict[str, SecretStr] = {}
    """What that program finds in its environment besides PATH, HOME and the like."""

    url: str = ""
    """Where one is that is spoken to over streamable HTTP."""

    secret: str = ""
    """The name of the tenants' secret that is its bearer token; not set, none is sent."""

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either the command that runs it or the url where it is")
        return self


class Settings(BaseSettings):
    """Every variable with its default. An unset URL has none: `foliot dev` brings its own."""

    # What is wrong with a setting is said without it: some are secrets.
    model_config = SettingsConfigDict(env_prefix="FOLIOT_", frozen=True, hide_input_in_errors=True)

    database_url: str = ""
    """libpq URL of PostgreSQL 15 or newer. The login must be a member of the plane's role."""

    redis_url: str = ""
    """`redis://…`, `rediss://…` or `unix://…`. Losing it costs latency and nothing else."""

    mode: Literal["production", "dev"] = "production"
    """dev tolerates a database that may lose commits, and a moved clock."""

    listen: str = "127.0.0.1:7233"
    """Address the control plane serves gRPC on, `host:port` or `unix:/path`; port 0 picks one."""

    control_plane: str = "127.0.0.1:7233"
    """Address an executor reports to."""

    api_key: SecretStr = SecretStr("")
    """The executor's credential for the control plane."""

    allow_plaintext: bool = False
    """Whether this process may speak plaintext beyond this machine, as server or as client: set it
    where a proxy encrypts, or where nobody else is on the network. Credentials travel on it."""

    tls_ca_file: str = ""
    """Whose certificates an executor believes a control plane, as PEM. Not set, those gRPC brings
    along. Read again when it changes, as are the two below."""

    tls_client_cert_file: str = ""
    """The certificate an executor shows where the control plane asks for one, as PEM."""

    tls_client_key_file: str = ""
    """Its key, as PEM without a passphrase."""

    tls_server_name: str = ""
    """The name that the control plane's certificate has to have; not set, that in its address."""

    executor_name: str = ""
    """For people; not set gives the host's name and the process id."""

    queues: list[str] = ["default"]
    """The queues an executor takes tasks from, as a JSON list."""

    functions: list[str] = []
    """Import paths (`package.module:registry`) of an executor's SYSTEM functions."""

    plugins: list[str] = []
    """The installed packages that may bring functions, handlers and adapters, as a JSON list of
    their names. No other package is looked at."""

    secrets: dict[str, dict[str, SecretStr]] = {}
    """The secrets of each tenant by their names, as JSON: `{"acme": {"smtp-password": "…"}}`."""

    secrets_dir: str = ""
    """A folder with a folder for each tenant, and in that a file for each secret, instead."""

    callback_keys: list[SecretStr] = []
    """What callback tokens are signed with, the same for executors and the control plane, as a
    JSON list: the first one signs, all are believed. Each has at least 32 characters."""

    http_allow: list[str] = []
    """Host names, addresses and networks (as `10.0.0.0/8`) that HTTP tasks may reach although
    they are not on the public internet, as a JSON list. dev mode adds this machine."""

    mail_url: str = ""
    """The server that takes an executor's mail: `smtps://user@host:465`, or `smtp://user@host:587`
    by STARTTLS, or `smtp+plaintext://localhost:25`; `file:///folder` keeps it in files, for trying
    out. Not set, the executor takes no EMAIL tasks."""

    mail_password: SecretStr = SecretStr("")
    """The password of the user in FOLIOT_MAIL_URL."""

    mail_password_file: str = ""
    """A file that holds it instead, read at each message."""

    mail_ca_file: str = ""
    """Whose certificates to believe a mail server, as PEM. Not set, those this machine believes."""

    mail_from: str = ""
    """From whom mail is where a task does not say."""

    mail_senders: dict[str, list[str]] = {}
    """From whom else it may be, by tenant, as JSON: `{"acme": ["orders@acme.example"], "*":
    ["@example.com"]}`. `@` and a domain are all its addresses, `*` is every tenant."""

    objects_url: str = ""
    """Where an executor keeps what is too large for a row: `file:///folder`, or
    `s3://bucket/prefix?region=…&endpoint=…`. Not set, there is no place for it."""

    http_tenants: dict[str, dict[str, list[str]]] = {}
    """Where a tenant's HTTP tasks may go at all, as JSON, `*` for all that are not named:
    `{"acme": {"schemes": ["https"], "hosts": ["api.example.com", "*.example.org"]}}`."""

    ai_providers: dict[str, AiProvider] = {}
    """Servers of models by the names that policies use, as JSON. With none, an executor takes no
    AI tasks."""

    ai_tools: dict[str, AiToolServer] = {}
    """Servers of tools by the names that policies use, as JSON."""

    drain_s: float = Field(default=20.0, ge=0, le=3_600)
    """How long an executor that was told to end lets running tasks finish."""

    concurrency: int = Field(default=100, ge=1, le=1_000)
    """How many tasks an executor carries out at once."""

    lease_s: float = Field(default=30.0, ge=1, le=3_600)
    """How long an executor may be silent before its tasks are handed to others."""

    poll_s: float = Field(default=1.0, ge=0.05, le=60)
    """How often to look for work although no bell rang."""

    metrics_listen: str = ""
    """Where to serve /metrics, /livez and /readyz, as `host:port`; port 0 picks one. Not set,
    nowhere: nothing there asks for a credential."""

    metrics_tenants: int = Field(default=0, ge=0, le=1_000)
    """How many tenants the metrics tell by name, the first ones that come; all others are `other`.
    With 0 no metric tells of tenants."""

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def unreadable(error: SettingsError) -> str:
    """Which variable could not be read, and why, without what stands in it."""
    found = _FIELD.search(str(error))
    name = "" if found is None else found[1].upper()
    return f"FOLIOT_{name} is not the JSON that it should be; mind that lists and objects are JSON"
