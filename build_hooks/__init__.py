"""What a build makes that is never committed: gRPC stubs, and the console's third-party files."""
