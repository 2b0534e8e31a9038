"""Privacy: personal data is sealed, masked and looked up by keyed hashes."""
