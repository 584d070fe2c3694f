"""ingest: partners' raw events in, normalized events and record reports out, one refusal for each bad event."""
