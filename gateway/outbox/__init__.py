"""The outbox: what must leave the gateway is a row beside its cause, and leaves once the cause is committed."""
