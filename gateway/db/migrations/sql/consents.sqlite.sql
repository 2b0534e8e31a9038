-- The guards of the consent log on SQLite: consents and their withdrawals are added, never changed or removed.
-- Statements are parted by a line "-- next". What is refused here, consents.postgresql.sql refuses in the same words.

CREATE TRIGGER consent_no_update BEFORE UPDATE ON consent
BEGIN
  SELECT RAISE(ABORT, 'consent: the log is only ever added to');
END

-- next

CREATE TRIGGER consent_no_delete BEFORE DELETE ON consent
BEGIN
  SELECT RAISE(ABORT, 'consent: the log is only ever added to');
END

-- next

CREATE TRIGGER consent_withdrawal_no_update BEFORE UPDATE ON consent_withdrawal
BEGIN
  SELECT RAISE(ABORT, 'consent: the log is only ever added to');
END

-- next

CREATE TRIGGER consent_withdrawal_no_delete BEFORE DELETE ON consent_withdrawal
BEGIN
  SELECT RAISE(ABORT, 'consent: the log is only ever added to');
END
