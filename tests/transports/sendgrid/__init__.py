"""SendGrid's Web API, as a fake that refuses what the real one refuses."""
