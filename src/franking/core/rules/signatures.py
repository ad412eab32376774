"""Words that mean the same whoever says them, in the order in which they are tried.

They are written as servers speak, a thing and what is wrong with it ("mailbox … full"), and not
as one server's sentence. What could be mistaken for something else stands behind it: a rate limit
because of DKIM behind DKIM, a sender's unknown domain before a recipient's, a full disk of the
server before a full mailbox, refusals that give no ground at the end.
"""

from __future__ import annotations

from franking.core.rules.rule import Rule

_RFC5321 = "https://www.rfc-editor.org/rfc/rfc5321#section-4.2"
_RFC3463 = "https://www.rfc-editor.org/rfc/rfc3463#section-3"
_RFC4954 = "https://www.rfc-editor.org/rfc/rfc4954#section-6"
_RFC6647 = "https://www.rfc-editor.org/rfc/rfc6647"
_RFC7372 = "https://www.rfc-editor.org/rfc/rfc7372#section-3"
_RFC7505 = "https://www.rfc-editor.org/rfc/rfc7505"
_POSTFIX = "https://www.postfix.org/postconf.5.html"
_POSTFIX_ACCESS = "https://www.postfix.org/SMTPD_ACCESS_README.html"
_POSTFIX_RATE = "https://www.postfix.org/TUNING_README.html"
_EXIM = "https://www.exim.org/exim-html-current/doc/html/spec_html/ch-access_control_lists.html"
_EXIM_ROUTE = "https://www.exim.org/exim-html-current/doc/html/spec_html/ch-the_default_configuration_file.html"
_SENDMAIL = "https://ftp.sendmail.org/doc/op-sh.html"
_QMAIL = "https://cr.yp.to/proto/smtp.html"
_SPAMHAUS = "https://www.spamhaus.org/faqs/dnsbl-usage/"
_CPANEL = "https://docs.cpanel.net/whm/server-configuration/tweak-settings/"
_MAILMAN = "https://docs.mailman3.org/projects/mailman/en/latest/"

# Somebody or some place that mail is for.
_WHO = (
    r"(?:users?|recipients?|recpient|mail ?box(?:es)?|accounts?|addressee|address(?:es)?|alias"
    r"|customer|subscriber|inbox|destination|destinataire|person|group|contact|utente|usuario"
    r"|benutzer|empf[a\xe4]nger|postfach|destinatario|utilisateur)"
)


def _rule(
    name: str,
    cause: str,
    literals: str,
    pattern: str | None,
    example: str,
    source: str,
    category: str | None = None,
    stages: tuple[str, ...] = (),
    replies: tuple[int, ...] = (),
    enhanced: tuple[str, ...] = (),
    temporary: bool | None = None,
    also: str = "",
) -> Rule:
    return Rule(
        id=f"text.{name}",
        layer="text",
        cause=cause,
        category=category,
        literals=tuple(literals.split("|")),
        also=tuple(also.split("|")) if also else (),
        pattern=pattern,
        stages=stages,
        replies=replies,
        enhanced=enhanced,
        temporary=temporary,
        source=source,
        given={"stage": stages[0]} if stages else {},
        example=example,
    )


def _hint(name: str, cause: str, literals: str, pattern: str, example: str, source: str) -> Rule:
    return Rule(
        id=f"hint.{name}",
        layer="hint",
        cause=cause,
        literals=tuple(literals.split("|")),
        pattern=pattern,
        source=source,
        example=example,
    )


SIGNATURES: tuple[Rule, ...] = (
    # What is told of the sender's own standing comes first: a quota, a list of ours.
    _rule(
        "credits",
        "account_rate_limited",
        "credit",
        r"credits?\b.{0,20}(?:exceed|exhaust|used up)|(?:exceeded|insufficient|out of"
        r"|no more).{0,20}\bcredits?\b",
        "451 You are out of credits",
        "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubl"
        "eshooting",
        temporary=True,
    ),
    _rule(
        "suppressed",
        "suppressed",
        "do not contact|not delivering|do not email|suppress|unsubscribed|opted out|marked your"
        "|reported your",
        "suppress(?:ed|ion)|(?:has|have|is|are|already) unsubscribed|unsubscribed (?:address"
        "|recipient|contact)|opted out|(?:marked|reported) your .{0,20}spam|do not (?:contact"
        "|e-?mail)|not delivering to",
        "The address is on this account's suppression list",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/suppressions/",
    ),
    # Whose mail is it: the domain's proof.
    _rule(
        "dmarc",
        "domain_authentication_failed",
        "dmarc",
        r"\bdmarc",
        "550 5.7.1 Rejected by the DMARC policy of example.com",
        _RFC7372,
    ),
    _rule(
        "dkim",
        "domain_authentication_failed",
        "dkim",
        r"\bdkim",
        "550 5.7.20 No passing DKIM signature found",
        _RFC7372,
    ),
    _rule(
        "spf",
        "domain_authentication_failed",
        "to send mail|sender not permitted|spf|sender policy framework",
        r"\bspf\b|sender policy framework|openspf|not (?:allowed|permitted"
        "|authori[sz]ed) (?:by .{0,30})?to send mail (?:from|for) |sender not permitted",
        "550 5.7.23 SPF validation failed",
        _RFC7372,
    ),
    _rule(
        "unauthenticated-mail",
        "domain_authentication_failed",
        "authenticat",
        r"unauthenticated (?:e-?)?mail|authentication (?:checks?|information)|sender[- ]id\b"
        "|(?:sender|message|mail|domain) (?:is|was) (?:unauthenticated|not authenticated)",
        "550 5.7.26 The mail fails its authentication checks",
        _RFC7372,
    ),
    # May it pass through here?
    _rule(
        "relaying",
        "sending_disabled",
        "of your|at your|gateway|relay",
        r"relay(?:ing)?\b.{0,30}(?:denied|not (?:allowed|permitted|authori|possible|local)"
        "|prohibited|disallowed|refused|rejected|forbidden)|(?:unable|not (?:allowed|permitted"
        r"|configured|authori[sz]ed|able)|refus\w{1,4}|trying"
        r"|attempt\w{0,3}) to (?:use .{0,40}as a )?relay|(?:open|third[- ]party|no|as a) relay\b"
        "|relay access|does(?:n't| not) relay|relaying mail to|denied.{0,20}relay|not a gateway"
        "|do not relay|relay not|relays? (?:is )?not|use (?:the )?(?:smtp|mail) ?(?:server"
        "|relay)? (?:server )?(?:of|at) your (?:isp|(?:service )?provider|own)",
        "554 5.7.1 Relay access denied",
        _POSTFIX_ACCESS,
    ),
    _rule(
        "rcpthosts",
        "sending_disabled",
        "rcpthosts",
        None,
        "553 sorry, that domain isn't in my list of allowed rcpthosts",
        _QMAIL,
    ),
    # Who may submit: signing in.
    _rule(
        "sign-in-later",
        "server_error",
        "authenticat",
        "temporary authentication fail|cannot authenticate.{0,20}temporar",
        "454 4.7.0 Temporary authentication failure",
        _RFC4954,
        "service_unavailable",
        temporary=True,
    ),
    _rule(
        "sign-in-too-often",
        "credentials_rejected",
        "login|log-in|authenticat",
        "too many (?:failed |bad |invalid |unsuccessful )?(?:log-?in|authentication)",
        "454 4.7.0 Too many login attempts, please try again later",
        _RFC4954,
    ),
    _rule(
        "sign-in",
        "credentials_rejected",
        "smtp auth|auth attempts|auth is|auth first|authenticat",
        "authentication (?:credentials|(?:is |was )?(?:failed|failure|required|needed"
        "|unsuccessful|invalid|error|rejected|aborted|denied|mechanism|not (?:allowed|enabled"
        r"|accepted)))|(?:not|un|must|failed to|please|first|need to) ?authenticated?\b"
        "|bad authentication|authenticate (?:first|before)"
        r"|smtp auth(?:entication)?\b.{0,20}(?:required|in your|before|first)|\bauth attempts"
        "|turn on smtp auth|authentication turned on|turn on .{0,10}authentication",
        "535 5.7.8 Authentication credentials invalid",
        _RFC4954,
    ),
    _rule(
        "credentials",
        "credentials_rejected",
        "password|credential|login|log in with|sign in",
        "(?:password|credentials?|login|username).{0,40}(?:not accepted|invalid|incorrect|failed"
        "|failure|required|wrong|expired|rejected|denied|mismatch|disabled)|(?:bad|invalid|wrong"
        "|incorrect|expired|missing).{0,20}(?:password|credentials?|login|username)|(?:log"
        r"|sign) ?in (?:with|via|to)\b",
        "535 Incorrect username or password: login failed",
        _RFC4954,
    ),
    _rule(
        "token",
        "credentials_rejected",
        "token",
        "(?:access|refresh|authentication|oauth|bearer).{0,20}token.{0,60}(?:expired|revoked"
        r"|invalid|malformed)|(?:invalid|expired|revoked|malformed|missing|bad).{0,30}\btoken",
        "The access token has expired",
        "https://www.rfc-editor.org/rfc/rfc6750#section-3.1",
    ),
    _rule(
        "tls-demanded",
        "sending_disabled",
        "tls|encrypt|ssl",
        r"(?:requires?|required?|must|need(?:s|ed)?|only|issue|without|mandatory).{0,40}(?:\btls"
        r"|starttls|encrypt|\bssl)|(?:\btls|starttls|encrypt\w{0,4}|\bssl).{0,40}(?:required"
        "|needed|first|mandatory|enforced)",
        "530 5.7.0 Must issue a STARTTLS command first",
        "https://www.rfc-editor.org/rfc/rfc3207#section-4",
    ),
    _rule(
        "certificate",
        "connection_failed",
        "certificate",
        "certificate",
        "certificate has expired",
        "https://www.rfc-editor.org/rfc/rfc3207#section-4.1",
        temporary=False,
    ),
    _rule(
        "tls-failed",
        "connection_failed",
        "tls|ssl|certificate|handshake",
        r"\bstarttls|\btls\b|\bssl\b|certificate|handshake",
        "454 4.7.0 TLS not available due to local problem",
        "https://www.rfc-editor.org/rfc/rfc3207#section-4",
    ),
    # A limit: the recipient's, then the account's, then nobody knows whose.
    _rule(
        "recipient-limit",
        "recipient_throttled",
        "receiv|recipient",
        r"(?:receiv\w{1,3}|received) (?:e?-?mails? |messages? )?(?:too (?:quickly|fast|many|much"
        r"|often)|at a rate)|receiv\w{1,3} .{0,20}too (?:much|many) .{0,20}(?:short|period)"
        "|recipient (?:has|have) (?:exceeded|reached) .{0,40}(?:limit|rate|messages|hour|day)"
        "|recipient's .{0,40}(?:receive|hour|message) .{0,10}limit|(?:send|sent"
        "|sending) to this recipient",
        "450 4.2.1 The recipient is receiving mail too quickly",
        _RFC3463,
        temporary=True,
    ),
    _rule(
        "sending-limit",
        "account_rate_limited",
        "per second|per minute|per hour|per day|per month|too many|too much|limit|quota|threshold",
        "(?:daily|hourly|monthly|weekly|sending|submission|messaging|relay|outbound|outgoing"
        r"|sender)(?:'s)? (?:[\w/]{1,14} ){0,4}(?:limits?|quotas?|threshold"
        r"|rate)\b.{0,40}(?:exceed|reach|hit\b|over\b)|(?:exceed\w{0,4}|reached|hit"
        r"|over) (?:[\w']{1,9} ){0,3}(?:daily|hourly|monthly|weekly|sending|submission|messaging"
        r"|relay|outbound|outgoing)\b.{0,30}(?:limit|quota|threshold|rate)|limit.{0,10} (?:on|for"
        r"|of) (?:the )?(?:sending|outgoing|outbound|sent)\b|(?:limit"
        r"|quota) (?:[\w]{1,9} ){0,3}(?:sending|to send)\b|(?:exceed\w{0,4}|max|maximum|limit"
        "|allowed).{0,40}(?:messages?|mails?|e-?mails?|recipients?) per (?:second|minute|hour"
        "|day|month)|(?:messages?|mails?|e-?mails?|recipients?) per (?:second|minute|hour|day"
        "|month).{0,40}(?:exceed|limit|allowed|reach)|(?:account|you(?:'ve"
        r"| have)?)\b.{0,20}(?:sent|sending) too many (?:messages|mails|e-?mails)"
        "|too much mail sent|sent from this account",
        "550 You have exceeded your daily sending limit",
        _CPANEL,
        temporary=True,
    ),
    _rule(
        "recipients-in-one-mail",
        "policy_rejected",
        "too many rec|too many rcpt|many recipients|recipients per",
        "(?:too )?many (?:recipients|rcpts?)(?! .{0,20}(?:short|wait))",
        "452 4.5.3 Too many recipients",
        "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10",
        "message_content",
    ),
    _rule(
        "greylisted",
        "recipient_throttled",
        "list",
        "gr[ae]y[- ]?list",
        "451 4.7.1 Greylisted, please come back in five minutes",
        _RFC6647,
        temporary=True,
    ),
    _rule(
        "loop",
        "server_error",
        "points back|point back|received|hop|loop|depth",
        r"(?:many|exceeded|maximum) .{0,10}hops?\b|hop count|(?:mail|routing|forwarding|message"
        "|delivery|smtp) loop|loops? (?:back|detected|was found|broken)|message depth"
        "|points? back to|too many received",
        "554 5.4.6 Too many hops",
        _POSTFIX,
        "recipient_unavailable",
    ),
    _rule(
        "mailbox-count",
        "mailbox_full",
        "messages on|messages in",
        "too many messages (?:on|in) (?:the|this|his|their|your)? ?(?:server|mailbox|inbox|folder)",
        "There are too many messages in the mailbox",
        _RFC3463,
    ),
    _rule(
        "reverse-dns",
        "sender_blocked",
        "forward dns|reverse|ptr|rdns|hostname|unverif|mismatches|host name",
        r"reverse[- ](?:dns|lookup|hostname|address)|\bptr\b|\brdns\b"
        r"|find your (?:reverse )?host ?name|unverif\w{2,6} sending|mismatches client"
        "|unresolvable (?:relay )?host ?name|no reverse|reverse.{0,20}(?:reject|fail)|forward dns",
        "450 4.7.25 Client host rejected: cannot find your reverse hostname",
        _POSTFIX_ACCESS,
    ),
    _rule(
        "reputation",
        "sender_blocked",
        "reputation|bad ip",
        r"reputation|bad ip\b",
        "554 The sending server has a poor reputation",
        _SPAMHAUS,
    ),
    _rule(
        "listed",
        "sender_blocked",
        "ipcheck|?ip=|spamhaus|spamcop|sorbs|barracudacentral|uceprotect|invaluement|dnsbl|rbl"
        "|blacklist|blocklist|block list|black list|black-list|denylist|blocked using|listed at"
        "|listed by|listed in|listed on|abuseat|cloudmark|blocked by dns|deny list",
        r"spamhaus|spamcop|\bsorbs|barracudacentral|uceprotect|invaluement|dnsbl|\brbls?\b"
        "|black[- ]?list|(?<!recipient )block ?list|deny ?list|blocked using"
        r"|(?<!not )listed (?:at|by|in|on)\b|abuseat|cloudmark|blocked by dns|\bbl?\?ip=|ipcheck"
        r"|(?:ip|sender|query)/?\?ip=",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        _SPAMHAUS,
    ),
    _rule(
        "too-many-strangers",
        "sender_blocked",
        "too many",
        "too many (?:invalid|bad|unknown|nonexistent|wrong) (?:recipients|rcpts?|users"
        "|addresses)|blocked for .{0,40}too many",
        "554 Blocked for a day: too many invalid recipients",
        _POSTFIX_RATE,
    ),
    _rule(
        "too-many-errors",
        "server_error",
        "too many",
        "too many .{0,30}(?:errors|commands|nonmail)",
        "421 4.7.0 mx.example.com Error: too many errors",
        _POSTFIX_RATE,
    ),
    _rule(
        "account-throttled",
        "account_rate_limited",
        "too many|rate|throttl|too fast|too quick|frequen|limit|slow",
        "too many (?:concurrent |simultaneous )?(?:e?-?mails|messages|connections|sessions"
        "|requests|submissions)|rate[- ]?limit|throttl|too (?:fast|quick|frequent)|slow(?:er"
        r"| down)|(?:connection|session|rate|frequency|concurren\w{0,3}) .{0,20}(?:limit|exceed)",
        "421 4.7.0 Too many concurrent connections",
        _POSTFIX_RATE,
        stages=("connect", "greeting", "hello", "login", "mail"),
        temporary=True,
    ),
    _rule(
        "throttled",
        "recipient_throttled",
        "too much|per minute|exceeded allow|[ts|too many|rate|throttl|too fast|too quick|frequen"
        "|slow|volume|concurren|per connection|limit|deferred|more than|connexion|threshold",
        r"too many (?:\w{1,12} ){0,2}(?:e?-?mails?|messages|connections?|sessions|requests"
        "|submissions|threads|deliveries)|too (?:fast|quick|frequent)|rate[- ]?limit|(?:message"
        r"|connection|sending|e?-?mail|delivery|send) rate|throttl|slow(?:er| down)\b"
        r"|(?:connection|session|frequency|concurren\w{0,3}|thread|volume)s? .{0,20}(?:limit"
        r"|exceed)|excessive|trop de connexions|(?:exceed\w{0,4}|limit) .{0,20}(?:connections?"
        r"|sessions?|threads?|concurren|rate\b|frequen)|(?:unexpected|high|unusual"
        "|large) (?:volume|rate)|too many .{0,40}(?:short|period|session|time)|(?:connections?"
        "|sessions?|messages|mails) (?:from|to|per) .{0,30}(?:exceed|limit)"
        "|limit .{0,20}(?:number of )?(?:messages|connections|mails)|too frequent"
        "|recipients.{0,30}(?:wait|short)|(?:max|maximum) .{0,20}(?:messages?|connections"
        "|sessions|mails) (?:per|reached|exceeded)|too much mail(?! data)"
        "|exceeded .{0,20}(?:connection time|per minute)|deferred due|temporarily deferred"
        r"|messages? per (?:minute|second)|\[tss?\d",
        "451 4.7.1 Too many messages from your server, slow down",
        _POSTFIX_RATE,
        temporary=True,
    ),
    _rule(
        "complaints",
        "sender_blocked",
        "complain|user reports",
        None,
        "421 Blocked after complaints",
        "https://senders.yahooinc.com/smtp-error-codes/",
    ),
    # What is in it.
    _rule(
        "virus",
        "content_rejected",
        "virus|malware|infected|trojan|phish|malicious|executable|macro|worm",
        r"virus|malware|infected|trojan|phish|malicious|executable|\bworm\b|\bmacros?\b",
        "554 5.7.1 The mail holds a virus",
        "https://docs.clamav.net/",
    ),
    _rule(
        "attachment",
        "content_rejected",
        "attach|file type|file extension|security issue",
        r"attach\w{0,5}.{0,40}(?:not (?:allowed|accepted|permitted)|block|prohibit|illegal|banned"
        "|forbid|reject|type|extension|unsafe)|(?:illegal|banned|prohibited|unsafe|forbidden"
        "|blocked|dangerous).{0,20}(?:attachment|file)|potential security issue|file (?:type"
        "|extension).{0,30}(?:not|block|ban)",
        "552 5.7.0 An attachment of this type is not allowed",
        "https://support.google.com/mail/answer/6590",
        "message_content",
    ),
    # Who sends it.
    _rule(
        "spammer",
        "sender_blocked",
        "spammer|banned|bounce attack|abus|suspected|sending spam|spam source",
        r"spammers?\b|banned (?:send|ip|host)|(?:sender|host|ip|server|you|client"
        "|domain).{0,30}banned|bounce attack|spam (?:ip|source|sender|host|server)|sending spam"
        "|abus(?:e|ive) (?:detected|from|by)|for abuse|too many bad rec",
        "550 The sender is a known spammer",
        _SPAMHAUS,
    ),
    _rule(
        "own-account-stopped",
        "sending_disabled",
        "sending is|sending has|outbound|outgoing|sending disabled|sending paused"
        "|sending suspended|your account|your domain|your email account|this email account"
        "|account may not|sender account|sending account|activate your|your mailbox"
        "|account is not|your plan|this account|account not|sending denied|not allowed to send",
        "(?:your|the sender'?s?|sending|sender) (?:e-?mail )?(?:account|domain|mailbox|plan"
        r"|organi[sz]ation|user)s?\b.{0,60}(?:suspend|disabled|blocked|locked|restrict"
        "|limited access|paused|not (?:active|allowed to send|authori[sz]ed to send|verified"
        "|permitted to send)|inactive|under review)|account (?:may not|is not|not) (?:allowed"
        "|permitted|authori[sz]ed|send|subscribed|active|approved|enabled)"
        "|(?:please )?activate your|(?:this|email) (?:e-?mail )?account has limited"
        "|sending (?:is |has been )?(?:denied|disabled|suspended|paused)|outbound sender"
        "|(?:outgoing|outbound) (?:mail|e-?mail|messages?).{0,40}(?:disabled|suspended|blocked)"
        r"|(?:domain|account|user) \S{0,80} ?is not allowed to send",
        "550 Your account has been suspended and may not send",
        "https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html",
    ),
    _rule(
        "send-as",
        "sender_address_refused",
        "send as|sendas|on behalf|not owned|mail from|from address|from:|sender",
        r"(?:right|allowed|permi\w{1,6}|authori[sz]ed|privilege).{0,30}to send (?:as|from"
        "|on behalf|mail from|e-?mail from)|sendas|not owned by|(?:sender|from) (?:address"
        "|signature|identity|e-?mail)?.{0,10}(?:not|isn't) (?:verified|confirmed|owned|allowed"
        r"|authori[sz]ed|found|a verified)|not (?:own|match).{0,30}(?:sender|from)\b",
        "553 5.7.1 Sender address rejected: not owned by user",
        _POSTFIX_ACCESS,
    ),
    _rule(
        "sender-address",
        "sender_address_refused",
        "badmailfrom|from address|bounces|sender|mail from|return path|return-path|reverse-path"
        "|expediteur|emetteur|envelope from|from: address|batv|originator|rfc.5321|from domain"
        "|spoof|use this|dns mx",
        "(?:sender|mail from|return[- ]path|reverse-path|envelope from|from domain|originator"
        r"|expediteur|emetteur|from:? address)\b.{0,80}(?:reject|denied|refus|invalid|unknown"
        "|exist|not (?:a valid|found|valid|allowed|accepted|permitted|resolv)|verif|unrout"
        "|unresolv|no mx|empty|bogus|resolve|missing)|(?:bogus|invalid|bad|unknown|illegal"
        r"|unrout\w{2,6}|unresolvable|unverified|forged|empty|syntax error"
        r"|rejected)\b.{0,20}(?:sender|mail from|return[- ]path|from address|reverse-path"
        r"|rfc\.5321)|domain of sender|\bbatv\b|spoof|invalid dns mx|badmailfrom"
        r"|from address is not"
        "|use this sender|null sender|this sender address",
        "550 5.1.8 Sender address rejected: Domain not found",
        _POSTFIX_ACCESS,
        also="reject|denied|refus|invalid|unknown|exist|not |verif|unrout|resol|no mx|empty"
        "|bogus|missing|bad|illegal|forged|error|batv|spoof|domain of|mail|use this|null",
    ),
    _rule(
        "helo",
        "sender_blocked",
        "helo|ehlo|my name was",
        r"(?:helo|ehlo)\b.{0,40}(?:reject|invalid|denied|refus|bad|not|block|require|mismatch"
        "|must|fake|need|forged)|(?:reject|invalid|bad|forged|fake).{0,30}(?:helo|ehlo)"
        "|my name was rejected",
        "550 5.7.1 Helo command rejected: Host not found",
        _POSTFIX_ACCESS,
    ),
    _rule(
        "spam",
        "content_rejected",
        "spam|junk|unsolicited|detected that|bulk|pattern detection|suspicious|uribl|surbl",
        r"spam|junk|unsolicited|\bbulk|detected that this message|pattern detection|suspicious"
        r"|\w?uribl|surbl",
        "554 5.7.1 The mail looks like spam",
        "https://spamassassin.apache.org/full/4.0.x/doc/spamd.html",
    ),
    _rule(
        "content",
        "content_rejected",
        "content",
        "content.{0,30}(?:reject|denied|block|refus|prohibit|not accept|presents)|(?:reject"
        r"|block|refus|denied)\w{0,3}.{0,40}\bcontent|(?:illegal|prohibited|forbidden|banned"
        "|objectionable|bad) content",
        "554 5.6.0 The content was rejected",
        "https://spamassassin.apache.org/full/4.0.x/doc/spamd.html",
    ),
    _rule(
        "sending-host",
        "sender_blocked",
        "host is|verizon|mail from|client| ip|your host|allowed to connect|server|connection|["
        "|dynamic|network|open proxy",
        "(?:client|your|sending|source|originating|connecting|remote|the|this) (?:smtp |mail "
        r"|e-?mail )?(?:ip|host|server|mta|network|mx)s?\b(?: address(?:es)?)?.{0,40}(?:block"
        "|listed|reject|denied|ban|refus|not (?:allowed|permitted|accepted|authori)|unwelcome"
        "|dynamic|prohibit|flagged)|(?:block|denied|reject|refus|access|accept"
        r"|allow)\w{0,4}.{0,30}(?:your (?:ip|host|server|mail server|network)|sending ip"
        r"|client host|open proxy|dynamic)|\bip(?: address)?\b.{0,40}(?:block|denied|reject"
        r"|banned|listed|not allowed|refus)|blocked.{0,20}\bip\b|from your (?:mail )?(?:server"
        "|host|ip)|connections? (?:refused by|denied|rejected|will not be accepted|not accepted)"
        r"|allowed to connect|no access from|(?:bad|poor|extreme).{0,10}\bip\b|(?:e?-?mail"
        r"|messages?|traffic) from (?:your|this|ip|\[?\d{1,3}\.).{0,40}(?:refus|reject|block"
        "|denied|not accept|banned)|mail server ip|ip connecting",
        "554 5.7.1 Client host rejected: Access denied",
        _POSTFIX_ACCESS,
        also="block|list|reject|denied|ban|refus|allow|permit|accept|welcome|dynamic|access"
        "|flagged|bad|poor",
    ),
    _rule(
        "expired",
        "server_error",
        "not delivered within|failing for|exceeded max time|message timeout|died|expired"
        "|too long|giving up|retries|delayed|queue|allowed|not reachable|last |undelivered"
        "|attempts|failed to deliver|unable to deliver|retried|more than|retry time",
        "(?:message|delivery|mail|retry) (?:time )?(?:has )?expired|(?:for"
        # qmail gives up on an address of the net behind every refusal: that says nothing.
        r"|in the queue) too long|giving up(?! on [\d\[])"
        "|(?:multiple|maximum|after).{0,20}(?:retries"
        r"|delivery attempts)|retry time|(?:could not be|couldn't be|not) deliver\w{0,4} (?:for"
        "|within|after)|could not deliver for|has been delayed|will be retried|queue (?:period"
        "|life|time)|retry timeout|failed to deliver to|host (?:not|un) ?reachable"
        "|attempts will continue|message timeout|exceeded max time|failing for a long"
        "|were last tried|not delivered within",
        "4.4.7 The message expired in the queue",
        _RFC3463,
        "recipient_unavailable",
        temporary=None,
    ),
    # How much of it.
    _rule(
        "server-full",
        "server_error",
        "system storage|no space|disk full|system full|insufficient|disk space",
        "system storage|no space left|disk full|(?:file|mail) ?system(?: is)? full"
        "|insufficient (?:system|server|disk)|server.{0,20}disk space",
        "452 4.3.1 Insufficient system storage",
        _RFC5321,
    ),
    _rule(
        "mailbox-full",
        "mailbox_full",
        "used up|depass|run out|mailbox size|mailbox limit|full|quota|storage|exceed|space"
        "|pleine|lleno|piena|voll|cheia|local limit",
        r"(?:mail ?box|inbox|account|box|folder|maildir|mail ?drop|postfach|buz[o\xf3]n"
        r"|bo[i\xee]te|casella|caixa).{0,60}(?:\bfull\b|over ?quota|quota|storage"
        r"|exceed\w{0,4} .{0,20}(?:size|limit|space|allowed)|out of (?:storage|space)|pleine"
        r"|voll\b|llen[oa]|piena|cheia)|(?:full|exceed\w{0,4}).{0,15}(?:mailbox|inbox)"
        r"|over.{0,15}\bquota|overquota|quota.{0,30}(?:exceed|full|reach|violat|over)"
        r"|(?:exceed\w{0,4}|disk|user).{0,30}quota|exceeded storage|storage (?:limit|space"
        "|allocation)|(?:not enough|no more|(?:in|not )sufficient|out of).{0,20}(?:space"
        r"|storage)|delivery.{0,20}quota|(?:recipient|user|mailbox).{0,20}storage|depass\w{1,2}"
        "|run out|mailbox size limit|recipient.{0,20}full|mail ?box.{0,20}limit exceed|(?:space"
        "|storage).{0,20}used up",
        "552 5.2.2 The mailbox is full",
        _RFC3463,
    ),
    _rule(
        "too-large",
        "message_too_large",
        "entity too|payload|line limit|size|too large|too big|too long|exceed|too much|taille"
        "|length|maximum",
        "(?:message|mail|content|attachment|header|body|data|size"
        r"|request)s?\b.{0,40}(?:too (?:large|big|long|much)|exceed\w{0,4}.{0,40}(?:size|limit"
        r"|maximum|length|allowed)|over(?:size| the| limit| maximum)|larger than)"
        r"|size.{0,20}exceed|too (?:large|big|long)\b.{0,30}(?:message|mail"
        r"|attachment)|(?:exceed\w{0,4}|maximum|max|over).{0,40}(?:message|mail|header"
        "|size).{0,20}(?:size|limit|length|maximum|exceed)|size limit|taille (?:limite|maxim)"
        r"|too much (?:mail )?data|(?:exceed\w{0,4}|maximum).{0,30}\bsize\b|line (?:limit"
        "|too long)|(?:entity|payload) too large|request length",
        "552 5.3.4 Message size exceeds the fixed limit",
        "https://www.rfc-editor.org/rfc/rfc1870#section-6",
    ),
    _rule(
        "sender-at-mail",
        "sender_address_refused",
        "exist|no such|unknown|invalid|not found|denied|reject|unrout|domain|not allowed",
        None,
        "550 No such domain",
        _POSTFIX_ACCESS,
        stages=("mail",),
    ),
    # To whom.
    _rule(
        "host-takes-no-mail",
        "domain_invalid",
        "521|556",
        None,
        "521 5.3.2 The system takes no mail",
        "https://www.rfc-editor.org/rfc/rfc7504",
        replies=(521, 556),
    ),
    _rule(
        "no-mail-here",
        "domain_invalid",
        "null mx|nullmx|accept mail|no smtp service|receive email|receive mail|not accept e",
        "null ?mx|(?:host|domain|server|organi[sz]ation|system).{0,20} (?:does(?:n't| not)|never"
        "|will not) (?:accept|receive) (?:any )?e?-?mail|no smtp service",
        "The domain does not accept mail (null MX)",
        _RFC7505,
    ),
    _rule(
        "name-lookup-later",
        "connection_failed",
        "lookup|try again|name server|name service|dns",
        "(?:host|domain)(?: name)?.{0,20}(?:not found|lookup).{0,20}(?:try again|fail)"
        "|temporary (?:dns|name|resol)|(?:dns|lookup|name server).{0,20}(?:time|temporar"
        "|servfail)|temporarily (?:unable|unresolv).{0,20}"
        "|malformed or unexpected name server reply",
        "450 4.4.3 Temporary DNS lookup failure",
        _POSTFIX,
        "recipient_unavailable",
    ),
    _rule(
        "domain-unknown",
        "domain_invalid",
        "name or service|cname|exchanger|resolve|host|domain|route|routable|name service| mx|exist",
        r"(?:host|domain)s?(?: name)?\b.{0,40}(?:unknown|not found|can(?:not|'t) be found"
        "|does(?:n't| not) exist|not exist|no such|invalid|isn't valid|incorrect)|(?:no such"
        "|unknown|invalid|bad|incorrect|nonexistent) .{0,12}(?:host|domain)|unrout(?:e?able"
        r"|able)|\b[\w-]{1,40}\.[a-z]{2,10} (?:does not exist|not found|unknown)|nxdomain"
        r"|name service error|\bno mx\b|no route for|mx (?:or|records?|lookup"
        r"|point).{0,60}(?:fail|not|no\b|invalid|error|exist)|domain must|illegal host"
        "|cname lookup|any host named|mail exchanger|could not (?:be )?resolve|unable to resolve"
        "|cannot resolve",
        "550 5.1.2 Host unknown",
        _RFC3463,
        also="unknown|not |no |n't|invalid|incorrect|nxdomain|error|unrout|bad|lookup|resolve"
        "|illegal|exchanger|must|non",
    ),
    _rule(
        "no-address",
        "address_invalid",
        "no email address|no e-mail address|missing email|no recipient|address required"
        "|recipients required|missing recipient|at least one recipient",
        "(?:has|have|with|is) (?:no|an empty) e-?mail address|missing (?:e-?mail|recipient)"
        r"|no recipients?\b.{0,20}(?:given|specified|defined|found|address)"
        "|recipient address(?:es)? (?:is |are )?required|at least one recipient",
        "The person has no email address",
        "https://www.rfc-editor.org/rfc/rfc5322#section-3.6.3",
    ),
    _rule(
        "name-not-allowed",
        "address_invalid",
        "mailbox name",
        "mailbox name (?:not allowed|invalid|is not)",
        "553 Requested action not taken: mailbox name not allowed",
        _RFC5321,
    ),
    _rule(
        "address-syntax",
        "address_invalid",
        "must contain|syntax|format|fully-qualified|fully qualified|valid rfc|not a valid"
        "|malformed|not email|illegal",
        "address.{0,20}(?:syntax|format|malformed)|(?:syntax|format|malformed"
        r"|illegal)\b.{0,30}address|fully[- ]qualified|valid rfc.{0,8}address|not (?:a valid"
        "|valid|an?) .{0,8}(?:e-?mail )?address|not e-?mail address|illegal (?:host|character)"
        "|must contain a (?:domain|valid)",
        "501 5.1.3 Bad address syntax",
        _RFC3463,
    ),
    _rule(
        "refused-by-person",
        "recipient_refused",
        "preferences|recipient|user|owner|refuse|blocked by|rejected by",
        "(?:rejected|blocked|refused|denied|declined|disallowed) by (?:the |this |user"
        "|)?(?:recipient|user|owner|addressee|custom)|(?:user|recipient"
        r"|owner)s?\b.{0,20}(?:refuses?|does(?:n't| not) (?:want|accept)|only accept|rejects"
        "|rules|not accepting)|refuses to (?:receive|accept)|blocked.{0,10}by .{0,10}recipient"
        "|preferences prevent|recipient preferences|(?:message"
        "|mail) (?:was )?rejected by this user",
        "550 5.7.1 The mail was rejected by the recipient",
        _MAILMAN,
        also="refus|reject|block|denied|declin|disallow|not |n't|only|rules|prefer",
    ),
    _rule(
        "closed-to-strangers",
        "policy_rejected",
        "destination|member|subscri|restrict|moderat|list|group|accept|permission"
        "|allowed|authori|may not|post",
        "not (?:a |an )?(?:registered |authori[sz]ed |list )?(?:member|subscriber|subscribed"
        "|gateway user|(?:allowed|authori[sz]ed|permitted) to (?:post|send (?:to|mail to"
        "|messages? to|e-?mail to)))|members?[- ]only|(?:only|closed|moderated"
        "|private).{0,20}(?:list|group|senders)|list of (?:allowed |approved |safe )?senders"
        "|(?:is|are|has|have) restrict|isn't on the.{0,20}list"
        "|not (?:currently )?(?:being )?accept(?:ing|ed)?.{0,30}(?:from (?:you|this|the sender"
        "|unknown|outside|external)|for this)|delivery not authori[sz]ed|permission to (?:post"
        "|send to)|may not (?:post|send to)|rejected by (?:the )?destination"
        "|only members|members may|subscribers only",
        "550 5.7.1 You are not allowed to post to this list",
        _MAILMAN,
        also="not |n't|only|closed|moderated|private|restrict|permission|reject|subscribers",
    ),
    _rule(
        "recipient-disabled",
        "recipient_disabled",
        "disabled|suspend|inactiv|deactivat|locked|expired|frozen|closed|not active|no longer"
        "|terminated|discontinued|moved|dormant|deleted|desactiv",
        rf"{_WHO}\b.{{0,60}}(?:disabled|suspend|inactiv|deactivat|\blocked|expired|frozen"
        "|closed|not active"
        "|no longer (?:active|in use|accept|on|in service)|terminated|discontinued|has moved"
        r"|dormant|d[e\xe9]sactiv)|(?:disabled|suspended|inactive|deactivated|expired|locked"
        f"|closed|dormant).{{0,20}}{_WHO}|inactivity|(?:is|currently|been) (?:suspended|disabled"
        "|deactivated)",
        "550 5.2.1 This mailbox is disabled",
        _RFC3463,
    ),
    _rule(
        "mailbox-busy",
        "server_error",
        "mailbox unavailable|unverified address|verification in progress|temporarily unavailable"
        "|mailbox busy",
        None,
        "450 Requested mail action not taken: mailbox unavailable",
        _RFC5321,
        "recipient_unavailable",
        replies=(4,),
    ),
    _rule(
        "recipient-unknown",
        "recipient_unknown",
        "notfound|not present|by that name|local-part|unable to find|no one at|kein"
        "|illegal alias|rcpt|employ|dismiss|left the|unknown|exist|not found|no such|not known"
        "|invalid|inconnu|couldn't be found|could not be found|no longer|not our customer"
        "|unallocated|sconosciut|desconocid|unbekannt|nessun|not listed|no mailbox|not a known"
        "|undeliverable|not ok|have a|no valid|not in|incorrect|unavai|cannot be delivered"
        "|not valid|wrong|unrecognized|not a valid|unreachable|not a real|not recogni|bad "
        "|no user|no recipient|not accepted|not belong|nobody|not local|rejected recip",
        rf"{_WHO}\b.{{0,60}}(?:unknown|not? (?:found|known|exist|valid|listed|local|ok\b|recogni"
        "|on server|here|accepted)|does(?:n't| not) exist|doesnt exist|not in|cannot be found"
        r"|couldn't be found|could not be found|unavai\w{0,2}able|invalid|inconnu|unallocated"
        "|undeliverable|no longer (?:valid|exist|available|here)|sconosciut|desconocid|unbekannt"
        "|isn't valid|nicht)|(?:unknown|no such|invalid|non-?existent|unrecogni[sz]ed|bad|wrong"
        "|incorrect|not a valid|no valid|undeliverable|unable to find|not (?:find|a known)"
        rf"|nessun|no|rejected)\b.{{0,12}} {_WHO}\b"
        "|(?:user|recipient|mailbox)unknown|not our customer"
        "|no such (?:person|name|local)|nobody (?:here|by)|by that name"
        "|doesn't have an? .{0,40}account|not listed in|not in (?:the |our |my )?(?:recipient "
        "|user |mailbox )?(?:list|map|table|database|directory)|inconnu|user not local"
        "|unknown (?:or illegal|local)|unable to find @|rcpt .{0,20}(?:not exist|unknown"
        "|invalid)|no one (?:at|by|here)|kein.{0,20}empf|no longer (?:with|employ|at|working)"
        "|illegal alias|undeliverable address|unrouteable address @|not present"
        r"|no \w{2,12} by that|no existe|no such .{0,20}(?:account|person)|badrcptto"
        "|recipient ?notfound|recipnotfound",
        "550 5.1.1 No such user here",
        _RFC3463,
    ),
    _rule(
        "token-server",
        "connection_failed",
        "token server",
        "token server (?:did not answer|could not be reached)|token server answered 5",
        "the token server did not answer in time",
        "https://www.rfc-editor.org/rfc/rfc6749#section-5",
        temporary=True,
    ),
    _rule(
        "network-behind",
        "connection_failed",
        "timed out|timeout|time-out|refused|connection|unreachable|no route|reset",
        None,
        "450 4.4.1 Connection timed out",
        _RFC3463,
        "recipient_unavailable",
        enhanced=("4.4.", "5.4."),
    ),
    _rule(
        "network",
        "connection_failed",
        "connect|name or service|name resolution|broken pipe|closed|dropped|timed out|timeout"
        "|time-out|econn|etimedout|enotfound|eai_|unreachable|no route|socket|network"
        "|getaddrinfo|ehost|enet|epipe|not reachable",
        r"time[d-]? ?out|\be(?:conn|host|net)\w{2,12}|etimedout|enotfound|eai_\w{2,10}|epipe"
        "|unreachable|no route|getaddrinfo|not reachable|connection (?:was )?(?:refused|reset"
        "|closed|lost|failed|dropped|aborted|terminated|timed)|(?:can(?:not|'t)|could(?:n't"
        "| not)|unable to|wasn't able to|failed to) (?:connect|establish)|socket"
        "|network (?:error|problem|is)|(?:remote )?host closed|connection dropped|hung up"
        "|disconnected|name or service not known|name resolution|broken pipe|unexpectedly closed",
        "connect ECONNREFUSED 192.0.2.1:587",
        "https://nodejs.org/api/errors.html#common-system-errors",
    ),
    # How it is made, and how it was said.
    _rule(
        "malformed",
        "message_malformed",
        "merge field|placeholder|variable|personalization|deserialize|smtplf|nul char|eight bit"
        "|8-bit|non-ascii|rfc|header|malformed|bare |mime|base64|8bit|from:|template"
        "|non-compliant|line |duplicate|message-id|invalid content",
        "rfc ?-?(?:5322|2822|822|2045|2047|compliant)|not rfc|(?:invalid|missing|malformed"
        r"|duplicate|multiple|bad|wrong|illegal|no|error|broken|too many)\b.{0,20}(?:headers?"
        r"|mime|from:|message-id)|headers?\b.{0,30}(?:invalid|missing|malformed|duplicate|error"
        "|compliant|not|syntax)|malformed|bare (?:lf|cr|line|newline)|\bmime\b|base64|8bit|template"
        "|non-?compliant|as a from:|invalid content|line (?:too|limit|length)|smtplf"
        "|nul characters|eight bit|8-?bit|line length|non-ascii|merge field|placeholder"
        "|(?:missing|undefined|unknown|unresolved).{0,20}variable|personalization|deserialize",
        "550 5.6.0 The message has duplicate headers",
        "https://www.rfc-editor.org/rfc/rfc5322#section-3.6",
    ),
    _rule(
        "recipient-server",
        "server_error",
        "recipient's|remote|destination|receiving",
        "(?:recipient's|remote|destination|receiving) (?:mail |e-?mail )?(?:server|host|system"
        "|mta).{0,40}(?:unavail|not avail|temporar|busy|down|fail|error|not respond)",
        "The recipient's server is busy",
        _RFC3463,
        "recipient_unavailable",
    ),
    _rule(
        "server-trouble",
        "server_error",
        "internal|temporar|unavailable|system|not available|resource|unable to|busy|overload"
        "|server error|try again|later|shutting|process|local error|misconfig|configuration"
        "|backend|maintenance|no healthy|service not|could not load|failure",
        "internal (?:server |service |resource )?(?:error|problem|failure)|internal error"
        r"|temporar\w{1,3}.{0,30}(?:fail|problem|error|unavail|reject|server|system|not|defer"
        "|resource)|service.{0,20}(?:unavail|not (?:active|avail)|error)|system (?:error|problem"
        "|failure|config|resources|not)|system.{0,12}(?:problem|error)|(?:not|un) ?available"
        r"|resources?\b.{0,20}(?:unavail|insuff|temporar|exhaust)|insufficient.{0,10}resources"
        "|unable to (?:process|accept|handle|complete|queue)|(?:server|service|system"
        "|too) (?:is )?busy|overload|server error|shutting down|local (?:error|problem)"
        "|misconfig|configuration error|backend error|maintenance|no healthy|could not load"
        "|(?:error|exception).{0,20}process|unknown error",
        "451 4.3.0 Internal server error",
        _RFC3463,
    ),
    _rule(
        "conversation",
        "server_error",
        "command|sequence|not implemented|syntax error|protocol|first|unrecogni|argument|pipelin"
        "|parameter|before greeting",
        "bad sequence|(?:unknown|unrecogni[sz]ed|invalid|bad|unsupported"
        r"|missing)\b.{0,10} (?:smtp )?(?:commands?|parameters?|arguments?)"
        "|command.{0,20}(?:unknown|unrecogni|not (?:implement|recogni|support|allowed)"
        "|unimplemented|reject)|not implemented|syntax error|protocol (?:error|violation)"
        r"|(?:rcpt|mail|helo|ehlo|data|need \w{1,8}) (?:first|before|\(recipient\)|command)"
        "|invalid arguments|pipelin|before greeting|need (?:rcpt|mail)",
        "503 5.5.1 Bad sequence of commands",
        _RFC5321,
    ),
    _rule(
        "local-delivery",
        "server_error",
        "died|output file|procmail|mailer|local delivery|maildrop|program|exit |pipe",
        "procmail|mailer (?:error|fail|prog)|local delivery.{0,20}fail|maildrop|exit (?:status"
        r"|code)|(?:program|pipe)\b.{0,30}(?:fail|error|exit)|died with status"
        "|create .{0,8}user.{0,8} output file|mailer daemon",
        "5.3.0 The mailer failed with exit status 75",
        _POSTFIX,
    ),
)

# Refusals that give no ground: looked at where no enhanced code says more.
HINTS: tuple[Rule, ...] = (
    _hint(
        "policy",
        "policy_rejected",
        "polic|prohibit|administrative|not authori|security|access denied|forbidden|local rule"
        "|restriction|custom block",
        "polic(?:y|ies)|prohibit|administrative|not authori[sz]ed|security|access denied"
        "|forbidden|local rule|restriction|custom block",
        "554 Rejected by local policy",
        _RFC3463,
    ),
    _hint(
        "recipient-rejected",
        "recipient_refused",
        "recipient|address|destinataire|filter",
        rf"(?:recipients?|(?<!sender )address|{_WHO})\b.{{0,30}}"
        "(?:reject|refus|not accept|denied|block)"
        "|rejected.{0,30}recipients?|(?:message|mail) (?:was )?filtered|filtered by",
        "550 Recipient address rejected",
        _POSTFIX_ACCESS,
    ),
)
