"""What the executor needs from outside: Protocols whose docstrings are the contract."""

from dataclasses import dataclass, field

from executor.ports.callbacks import CallbackPort, Callbacks
from executor.ports.clock import Clock
from executor.ports.email import EmailPort, Mail, SenderRules
from executor.ports.http import Http, HttpPort
from executor.ports.object_storage import Objects, ObjectStorage
from executor.ports.secrets import SecretPort, Secrets
from shared.ids import TenantId
from shared.telemetry.redaction import REDACTOR, Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """
    All that a handler may reach, for the tenant whose task it carries out: nothing in here takes
    a tenant, so that no handler can name another one.
    """

    clock: Clock
    http: Http
    secrets: Secrets
    callbacks: Callbacks
    objects: Objects | None = None
    """None where the executor has no storage of objects."""
    mail: Mail | None = None
    """None where the executor sends no mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the ports stand on, for all tenants. Bootstrap puts it together, the runner binds it."""

    clock: Clock
    http: HttpPort
    secrets: SecretPort
    callbacks: CallbackPort
    objects: ObjectStorage | None = None
    email: EmailPort | None = None
    senders: SenderRules = field(default_factory=SenderRules)
    redactor: Redactor = field(default_factory=lambda: REDACTOR)

    def of(self, tenant_id: TenantId) -> Ports:
        """The ports for a task of the tenant."""
        return Ports(
            clock=self.clock,
            http=Http(self.http, tenant_id),
            secrets=Secrets(self.secrets, tenant_id, self.redactor),
            callbacks=Callbacks(self.callbacks, tenant_id, self.clock),
            objects=None if self.objects is None else Objects(self.objects, tenant_id),
            mail=None if self.email is None else Mail(self.email, tenant_id, self.senders),
        )
