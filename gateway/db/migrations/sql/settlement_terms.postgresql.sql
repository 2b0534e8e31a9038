-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER invoice_credit_frozen BEFORE UPDATE OF id, merchant_id, mode, invoice_id, kind, amount_fen, received_fen, reference, settlement_id, created_at ON invoice_credit
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.invoice_id IS DISTINCT FROM OLD.invoice_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.received_fen IS DISTINCT FROM OLD.received_fen OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.settlement_id IS DISTINCT FROM OLD.settlement_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('invoice credit: what it was written with never changes')

-- next

CREATE TRIGGER invoice_credit_remains BEFORE DELETE ON invoice_credit
  FOR EACH ROW EXECUTE FUNCTION refuse_change('invoice credit: a row is never removed')

-- next

CREATE TRIGGER merchant_invoice_frozen BEFORE UPDATE OF id, merchant_id, mode, number, amount_fen, opened_on, due_on, created_at ON merchant_invoice
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.number IS DISTINCT FROM OLD.number OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.opened_on IS DISTINCT FROM OLD.opened_on OR NEW.due_on IS DISTINCT FROM OLD.due_on OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('merchant invoice: what it was written with never changes')

-- next

CREATE TRIGGER merchant_invoice_remains BEFORE DELETE ON merchant_invoice
  FOR EACH ROW EXECUTE FUNCTION refuse_change('merchant invoice: a row is never removed')

-- next

CREATE TRIGGER settlement_terms_frozen BEFORE UPDATE OF id, merchant_id, mode, valid_from, t_plus, days, cutoff, minimum_payout_fen, reserve_rate, reserve_days, reserve_most_fen, invoice_after_days, invoice_due_days, created_at ON settlement_terms
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.t_plus IS DISTINCT FROM OLD.t_plus OR NEW.days IS DISTINCT FROM OLD.days OR NEW.cutoff IS DISTINCT FROM OLD.cutoff OR NEW.minimum_payout_fen IS DISTINCT FROM OLD.minimum_payout_fen OR NEW.reserve_rate IS DISTINCT FROM OLD.reserve_rate OR NEW.reserve_days IS DISTINCT FROM OLD.reserve_days OR NEW.reserve_most_fen IS DISTINCT FROM OLD.reserve_most_fen OR NEW.invoice_after_days IS DISTINCT FROM OLD.invoice_after_days OR NEW.invoice_due_days IS DISTINCT FROM OLD.invoice_due_days OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('settlement terms: what it was written with never changes')

-- next

CREATE TRIGGER settlement_terms_remains BEFORE DELETE ON settlement_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('settlement terms: a row is never removed')

-- next

CREATE TRIGGER settlement_batch_terms_id_once BEFORE UPDATE OF terms_id ON settlement_batch
  FOR EACH ROW WHEN (OLD.terms_id IS NOT NULL AND NEW.terms_id IS DISTINCT FROM OLD.terms_id) EXECUTE FUNCTION refuse_change('settlement batch: what is set once stands')

-- next

CREATE TRIGGER settlement_batch_lines_count_once BEFORE UPDATE OF lines_count ON settlement_batch
  FOR EACH ROW WHEN (OLD.lines_count IS NOT NULL AND NEW.lines_count IS DISTINCT FROM OLD.lines_count) EXECUTE FUNCTION refuse_change('settlement batch: what is set once stands')

-- next

CREATE TRIGGER settlement_batch_lines_sha256_once BEFORE UPDATE OF lines_sha256 ON settlement_batch
  FOR EACH ROW WHEN (OLD.lines_sha256 IS NOT NULL AND NEW.lines_sha256 IS DISTINCT FROM OLD.lines_sha256) EXECUTE FUNCTION refuse_change('settlement batch: what is set once stands')
