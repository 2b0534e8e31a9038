"""The ledger: a double-entry book of claims and instructions. Debit is positive, credit is negative."""
