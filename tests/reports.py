"""Delivery reports as the common mail servers write them, by their documentation and RFC 3464.

`<1@example.com>` is the original's Message-ID, and nobody@example.net the recipient; `about` puts
others in their places.
"""

from __future__ import annotations

ID = "<1@example.com>"
RECIPIENT = "nobody@example.net"

# https://www.postfix.org/bounce.5.html
POSTFIX = b"""\
Return-Path: <>
Received: by mail.example.com (Postfix) id 4QxYz; Sat, 21 Nov 2026 14:05:02 +0000 (UTC)
Date: Sat, 21 Nov 2026 14:05:02 +0000 (UTC)
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: rep@example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4QxYy.1795269902/mail.example.com"
Message-Id: <20261121140502.4QxYz@mail.example.com>

This is a MIME-encapsulated message.

--4QxYy.1795269902/mail.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.example.com.

<nobody@example.net>: host mx.example.net[192.0.2.7] said: 550 5.1.1
    <nobody@example.net>: Recipient address rejected: User unknown in virtual
    mailbox table (in reply to RCPT TO command)

--4QxYy.1795269902/mail.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 4QxYy
X-Postfix-Sender: rfc822; rep@example.com
Arrival-Date: Sat, 21 Nov 2026 14:05:01 +0000 (UTC)

Final-Recipient: rfc822; nobody@example.net
Original-Recipient: rfc822;nobody@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 5.1.1 <nobody@example.net>: Recipient address
    rejected: User unknown in virtual mailbox table

--4QxYy.1795269902/mail.example.com
Content-Description: Undelivered Message
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Return-Path: <rep@example.com>
From: rep@example.com
To: nobody@example.net
Subject: Hello
Message-ID: <1@example.com>
Date: Sat, 21 Nov 2026 14:05:00 +0000

Hello.

--4QxYy.1795269902/mail.example.com--
"""

# https://learn.microsoft.com/exchange/mail-flow/non-delivery-reports-and-bounce-messages
EXCHANGE = b"""\
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.onmicrosoft.com>
To: <rep@example.com>
Subject: Undeliverable: Hello
Message-ID: <0f3a@DM6PR01.prod.outlook.com>
In-Reply-To: <1@example.com>
References: <1@example.com>
Content-Type: multipart/report; report-type=delivery-status;
 boundary="_7f02c1_"
MIME-Version: 1.0

--_7f02c1_
Content-Type: multipart/alternative; differences=Content-Type;
 boundary="_9a1b_"

--_9a1b_
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

nobody@example.net wasn't found at example.net.

--_9a1b_
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<html><body>nobody wasn't found</body></html>

--_9a1b_--

--_7f02c1_
Content-Type: message/delivery-status

Reporting-MTA: dns;DM6PR01MB0001.prod.exchangelabs.com
Received-From-MTA: dns;DM6PR01MB0002.prod.exchangelabs.com
Arrival-Date: Sat, 21 Nov 2026 14:05:01 +0000

Final-Recipient: rfc822;nobody@example.net
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup
X-Display-Name: nobody@example.net


--_7f02c1_
Content-Type: message/rfc822

From: Rep <rep@example.com>
To: "nobody@example.net" <nobody@example.net>
Subject: Hello
Message-ID: <1@example.com>
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain

Hello.
--inner--

--_7f02c1_--
"""

# https://support.google.com/mail/answer/6596
GMAIL = b"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: rep@example.com
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <0@example.com> <1@example.com>
In-Reply-To: <1@example.com>
X-Failed-Recipients: nobody@example.net
Message-ID: <6561.050a@mx.google.com>
Content-Type: multipart/report; boundary="000000000000a1b2c3"; report-type=delivery-status

--000000000000a1b2c3
Content-Type: multipart/related; boundary="000000000000a1b2c4"

--000000000000a1b2c4
Content-Type: text/plain; charset="UTF-8"

** Address not found **

--000000000000a1b2c4--
--000000000000a1b2c3
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; rep@example.com
Arrival-Date: Sat, 21 Nov 2026 06:05:01 -0800 (PST)
X-Original-Message-ID: <1@example.com>

Final-Recipient: rfc822; nobody@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net. (192.0.2.7, the server for the domain example.net.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please
 550-5.1.1 try double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces.
Last-Attempt-Date: Sat, 21 Nov 2026 06:05:02 -0800 (PST)

--000000000000a1b2c3
Content-Type: message/rfc822

MIME-Version: 1.0
From: Rep <rep@example.com>
Message-ID: <1@example.com>
Subject: Hello
To: nobody@example.net

Hello.

--000000000000a1b2c3--
"""

# https://www.exim.org/exim-html-current/doc/html/spec_html/ch-customizing_messages.html
EXIM = b"""\
Return-path: <>
X-Failed-Recipients: nobody@example.net
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mail.example.com>
To: rep@example.com
References: <1@example.com>
Content-Type: multipart/report; report-type=delivery-status; boundary=1795269902-eximdsn-424242
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1795269902-eximdsn-424242
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1795269902-eximdsn-424242
Content-type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Action: failed
Final-Recipient: rfc822;nobody@example.net
Status: 5.0.0
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 5.1.1 No such user here

--1795269902-eximdsn-424242
Content-type: text/rfc822-headers

From: rep@example.com
To: nobody@example.net
Subject: Hello
Message-Id: <1@example.com>

--1795269902-eximdsn-424242--
"""

# https://cr.yp.to/proto/qsbmf.txt
QMAIL = b"""\
Return-Path: <>
Received: (qmail 4242 invoked for bounce); 21 Nov 2026 14:05:02 -0000
From: MAILER-DAEMON@mail.example.com
To: rep@example.com
Subject: failure notice

Hi. This is the qmail-send program at mail.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<nobody@example.net>:
192.0.2.7 does not like recipient.
Remote host said: 550 5.1.1 sorry, no mailbox here by that name
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

Return-Path: <rep@example.com>
From: rep@example.com
To: nobody@example.net
Subject: Hello
Message-ID: <1@example.com>

Hello.
"""

ALL = {
    "postfix": POSTFIX,
    "exchange": EXCHANGE,
    "gmail": GMAIL,
    "exim": EXIM,
    "qmail": QMAIL,
}


def about(report: bytes, message_id: str = ID, recipient: str = RECIPIENT) -> bytes:
    """A report on another mail."""
    named = report.replace(ID.encode(), message_id.encode())
    return named.replace(RECIPIENT.encode(), recipient.encode())


def report(*blocks: str, message_id: str = ID) -> bytes:
    """A report with these recipients' fields."""
    lines = [
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mail.example.com",
        "",
        *[f"{block}\n" for block in blocks],
        "--b",
        "Content-Type: text/rfc822-headers",
        "",
        f"Message-ID: {message_id}",
        "",
        "--b--",
        "",
    ]
    return "\n".join(lines).encode()


def block(recipient: str, action: str = "failed", status: str = "5.1.1", **fields: str) -> str:
    """One recipient's fields; `said` is what the remote server said."""
    said = fields.get("said", f"550 {status} refused")
    return (
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}"
    )
