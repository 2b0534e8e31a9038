"""Documents: contracts, certificates and statements as typeset, signed PDF files, for people to keep and print."""
