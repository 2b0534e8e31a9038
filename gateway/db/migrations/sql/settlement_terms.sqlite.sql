-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER settlement_terms_frozen BEFORE UPDATE OF id, merchant_id, mode, valid_from, t_plus, days, cutoff, minimum_payout_fen, reserve_rate, reserve_days, reserve_most_fen, invoice_after_days, invoice_due_days, created_at ON settlement_terms WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.valid_from IS NOT OLD.valid_from OR NEW.t_plus IS NOT OLD.t_plus OR NEW.days IS NOT OLD.days OR NEW.cutoff IS NOT OLD.cutoff OR NEW.minimum_payout_fen IS NOT OLD.minimum_payout_fen OR NEW.reserve_rate IS NOT OLD.reserve_rate OR NEW.reserve_days IS NOT OLD.reserve_days OR NEW.reserve_most_fen IS NOT OLD.reserve_most_fen OR NEW.invoice_after_days IS NOT OLD.invoice_after_days OR NEW.invoice_due_days IS NOT OLD.invoice_due_days OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'settlement terms: what it was written with never changes');
END

-- next

CREATE TRIGGER settlement_terms_remains BEFORE DELETE ON settlement_terms
BEGIN
  SELECT RAISE(ABORT, 'settlement terms: a row is never removed');
END

-- next

CREATE TRIGGER settlement_batch_terms_id_once BEFORE UPDATE OF terms_id ON settlement_batch WHEN OLD.terms_id IS NOT NULL AND NEW.terms_id IS NOT OLD.terms_id
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: what is set once stands');
END

-- next

CREATE TRIGGER settlement_batch_lines_count_once BEFORE UPDATE OF lines_count ON settlement_batch WHEN OLD.lines_count IS NOT NULL AND NEW.lines_count IS NOT OLD.lines_count
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: what is set once stands');
END

-- next

CREATE TRIGGER settlement_batch_lines_sha256_once BEFORE UPDATE OF lines_sha256 ON settlement_batch WHEN OLD.lines_sha256 IS NOT NULL AND NEW.lines_sha256 IS NOT OLD.lines_sha256
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: what is set once stands');
END
