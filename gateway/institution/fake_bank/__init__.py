"""SIMULATOR of a bank, as a process of its own: it pays merchants out in test mode, with real banks' faults."""
