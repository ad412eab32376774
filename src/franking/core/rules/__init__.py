"""The rules that turn a failure's facts into a verdict, as data, in the order of matching.

Each says what it looks for, what it concludes, where that is documented, and a reply that it
decides. `translate` tries the layers of `rule.LAYERS` one after the other and, within a layer,
the rules from the top.
"""

from __future__ import annotations

from franking.core.rules.attachments import ATTACHMENTS
from franking.core.rules.codes import REGISTERED, REPLIES, STATUSES
from franking.core.rules.gmail import GMAIL_CODES, GMAIL_TEXTS
from franking.core.rules.kinds import KINDS
from franking.core.rules.microsoft import MICROSOFT_CODES, MICROSOFT_TEXTS
from franking.core.rules.reasons import FAMILIES, REASONS
from franking.core.rules.receivers import RECEIVERS
from franking.core.rules.rule import Rule
from franking.core.rules.sentences import SENTENCES
from franking.core.rules.services import SERVICES
from franking.core.rules.signatures import HINTS, SIGNATURES

__all__ = ("RULES", "SENTENCES", "UNKNOWN", "Rule")

UNKNOWN = Rule(
    id="unknown",
    layer="kind",
    cause="unknown",
    temporary=False,
    source="https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1",
    example="(no words)",
)

RULES: tuple[Rule, ...] = (
    *(*REASONS, *FAMILIES),
    *(*GMAIL_TEXTS, *MICROSOFT_TEXTS, *SERVICES, *RECEIVERS),
    *(*GMAIL_CODES, *MICROSOFT_CODES),
    *(*ATTACHMENTS, *SIGNATURES),
    *REGISTERED,
    *HINTS,
    *(*REPLIES, *STATUSES),
    *KINDS,
)
