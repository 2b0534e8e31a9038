"""The audit log: who did what privileged thing to what, in a hash chain whose head is signed every few minutes."""
