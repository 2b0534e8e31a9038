-- Reconciliations on PostgreSQL. What is refused here, reconciliations.sqlite.sql refuses in the same words.

CREATE TRIGGER reconciliation_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON reconciliation
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a reconciliation never change')
