-- Tenancy of partners' scores on PostgreSQL. What is refused here, scores.sqlite.sql refuses in the same words.

CREATE TRIGGER partner_score_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON partner_score
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a partner score never change')
