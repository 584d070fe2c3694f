"""Events over HTTP: judged by the rules of ingest, appended to the partner's own topic, and asked for afterwards."""
