-- The guards of the ledger on SQLite: nothing is changed, nothing enters a sealed entry, a seal is true.
-- Statements are parted by a line "-- next". What RAISE refuses here, ledger.postgresql.sql refuses in the same words.

CREATE TRIGGER ledger_seal_is_true BEFORE INSERT ON ledger_seal
BEGIN
  SELECT CASE
    WHEN NEW.lines < 2 OR NEW.lines <> found.lines
      THEN RAISE(ABORT, 'ledger: an entry has at least two postings, as many as its seal says')
    WHEN found.total <> 0
      THEN RAISE(ABORT, 'ledger: the postings of an entry sum to zero')
    WHEN NEW.gross <> found.gross
      THEN RAISE(ABORT, 'ledger: the seal states the sum of the debits')
  END
  FROM (
    SELECT count(*) AS lines, sum(amount) AS total, sum(max(amount, 0)) AS gross
      FROM ledger_posting WHERE entry_id = NEW.entry_id
  ) AS found;
  SELECT RAISE(ABORT, 'ledger: a reversal cancels its entry, line by line')
    FROM ledger_entry AS reversal
   WHERE reversal.id = NEW.entry_id AND reversal.reverses IS NOT NULL AND EXISTS (
     SELECT 1 FROM ledger_posting WHERE entry_id IN (reversal.id, reversal.reverses)
      GROUP BY account_id, object_id HAVING sum(amount) <> 0
   );
END

-- next

CREATE TRIGGER ledger_entry_is_new BEFORE INSERT ON ledger_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: the entry is sealed')
   WHERE EXISTS (SELECT 1 FROM ledger_seal WHERE entry_id = NEW.id);
  SELECT RAISE(ABORT, 'ledger: a reversal cancels an entry of the same merchant and mode that is no reversal')
   WHERE NEW.reverses IS NOT NULL AND NOT EXISTS (
     SELECT 1 FROM ledger_entry
      WHERE id = NEW.reverses AND reverses IS NULL AND mode = NEW.mode AND merchant_id = NEW.merchant_id
   );
END

-- next

CREATE TRIGGER ledger_posting_is_in_time BEFORE INSERT ON ledger_posting
BEGIN
  SELECT RAISE(ABORT, 'ledger: the entry is sealed')
   WHERE EXISTS (SELECT 1 FROM ledger_seal WHERE entry_id = NEW.entry_id);
  SELECT RAISE(ABORT, 'ledger: test and live never meet in an entry')
   WHERE (SELECT mode FROM ledger_entry WHERE id = NEW.entry_id)
      <> (SELECT mode FROM ledger_account WHERE id = NEW.account_id);
END

-- next

CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_seal_no_update BEFORE UPDATE ON ledger_seal
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_seal_no_delete BEFORE DELETE ON ledger_seal
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_account_no_update BEFORE UPDATE ON ledger_account
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account
BEGIN
  SELECT RAISE(ABORT, 'ledger: its rows are never changed; post a reversal');
END
