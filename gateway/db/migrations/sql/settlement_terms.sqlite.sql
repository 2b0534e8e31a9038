-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER invoice_credit_frozen BEFORE UPDATE OF id, merchant_id, mode, invoice_id, kind, amount_fen, received_fen, reference, settlement_id, created_at ON invoice_credit WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.invoice_id IS NOT OLD.invoice_id OR NEW.kind IS NOT OLD.kind OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.received_fen IS NOT OLD.received_fen OR NEW.reference IS NOT OLD.reference OR NEW.settlement_id IS NOT OLD.settlement_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'invoice credit: what it was written with never changes');
END

-- next

CREATE TRIGGER invoice_credit_remains BEFORE DELETE ON invoice_credit
BEGIN
  SELECT RAISE(ABORT, 'invoice credit: a row is never removed');
END

-- next

CREATE TRIGGER merchant_invoice_frozen BEFORE UPDATE OF id, merchant_id, mode, number, amount_fen, opened_on, due_on, created_at ON merchant_invoice WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.number IS NOT OLD.number OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.opened_on IS NOT OLD.opened_on OR NEW.due_on IS NOT OLD.due_on OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'merchant invoice: what it was written with never changes');
END

-- next

CREATE TRIGGER merchant_invoice_remains BEFORE DELETE ON merchant_invoice
BEGIN
  SELECT RAISE(ABORT, 'merchant invoice: a row is never removed');
END

-- next

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
