"""The stores: databases of mails, behind one protocol."""
