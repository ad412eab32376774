"""How mails leave: SMTP with our own client, and a mailbox that captures them."""
