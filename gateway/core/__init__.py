"""Pure arithmetic and rules: no Flask, no SQL, no clock. Amounts are integer fen, rates are exact decimals."""
