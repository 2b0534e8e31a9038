-- The guards of the ledger on SQLite: nothing is changed, nothing enters a sealed entry, a seal is true.
-- Statements are parted by a line "-- next".

CREATE TRIGGER ledger_seal_is_true BEFORE INSERT ON ledger_seal
BEGIN
  SELECT RAISE(ABORT, 'ledger: an entry has at least two postings, as many as its seal says')
   WHERE NEW.lines < 2 OR NEW.lines <> (SELECT count(*) FROM ledger_posting WHERE entry_id = NEW.entry_id);
  SELECT RAISE(ABORT, 'ledger: the postings of an entry sum to zero')
   WHERE (SELECT sum(amount) FROM ledger_posting WHERE entry_id = NEW.entry_id) <> 0;
  SELECT RAISE(ABORT, 'ledger: the seal states the sum of the debits')
   WHERE NEW.gross <> (SELECT sum(amount) FROM ledger_posting WHERE entry_id = NEW.entry_id AND amount > 0);
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
  SELECT RAISE(ABORT, 'ledger: rows of ledger_entry are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_entry are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_posting are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_posting are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_seal_no_update BEFORE UPDATE ON ledger_seal
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_seal are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_seal_no_delete BEFORE DELETE ON ledger_seal
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_seal are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_account_no_update BEFORE UPDATE ON ledger_account
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_account are never changed; post a reversal');
END

-- next

CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account
BEGIN
  SELECT RAISE(ABORT, 'ledger: rows of ledger_account are never changed; post a reversal');
END
