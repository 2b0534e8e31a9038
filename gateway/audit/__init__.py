"""The audit log: who did what privileged thing to what, in a hash chain with a signed root for each day."""
