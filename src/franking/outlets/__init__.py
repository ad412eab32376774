"""Where events go: the embedded package, or the one in a Salesforce org."""
