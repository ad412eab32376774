"""The attack list: what a hostile document, record, template or server tries, from outside."""
