-- Reconciliations on SQLite. What RAISE refuses here, reconciliations.postgresql.sql refuses in the same words.

CREATE TRIGGER reconciliation_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON reconciliation WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a reconciliation never change');
END
