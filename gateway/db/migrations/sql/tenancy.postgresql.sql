-- The guards of tenancy on PostgreSQL: what belongs together has one merchant and one mode, and neither ever changes.
-- Statements are parted by a line "-- next". What is refused here, tenancy.sqlite.sql refuses in the same words.

CREATE FUNCTION checkout_check_shopper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a checkout has the mode of its shopper' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER checkout_keeps_shopper BEFORE INSERT OR UPDATE OF shopper_id ON checkout
  FOR EACH ROW WHEN (NEW.shopper_id IS NOT NULL) EXECUTE FUNCTION checkout_check_shopper()

-- next

CREATE FUNCTION credit_decision_check_shopper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a credit decision has the mode of its shopper' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER credit_decision_keeps_shopper BEFORE INSERT OR UPDATE OF shopper_id ON credit_decision
  FOR EACH ROW WHEN (NEW.shopper_id IS NOT NULL) EXECUTE FUNCTION credit_decision_check_shopper()

-- next

CREATE FUNCTION payment_check_shopper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a payment has the mode of its shopper' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER payment_keeps_shopper BEFORE INSERT OR UPDATE OF shopper_id ON payment
  FOR EACH ROW WHEN (NEW.shopper_id IS NOT NULL) EXECUTE FUNCTION payment_check_shopper()

-- next

CREATE FUNCTION loan_check_shopper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a loan has the mode of its shopper' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER loan_keeps_shopper BEFORE INSERT OR UPDATE OF shopper_id ON loan
  FOR EACH ROW WHEN (NEW.shopper_id IS NOT NULL) EXECUTE FUNCTION loan_check_shopper()

-- next

CREATE FUNCTION loan_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a loan has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER loan_keeps_payment BEFORE INSERT OR UPDATE OF payment_id ON loan
  FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION loan_check_payment()

-- next

CREATE FUNCTION refund_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a refund has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER refund_keeps_payment BEFORE INSERT OR UPDATE OF payment_id ON refund
  FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION refund_check_payment()

-- next

CREATE FUNCTION dispute_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a dispute has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER dispute_keeps_payment BEFORE INSERT OR UPDATE OF payment_id ON dispute
  FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION dispute_check_payment()

-- next

CREATE FUNCTION subsidy_claim_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a subsidy claim has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER subsidy_claim_keeps_payment BEFORE INSERT OR UPDATE OF payment_id ON subsidy_claim
  FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION subsidy_claim_check_payment()

-- next

CREATE FUNCTION contract_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a contract has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER contract_keeps_payment BEFORE INSERT OR UPDATE OF payment_id ON contract
  FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION contract_check_payment()

-- next

CREATE FUNCTION contract_check_checkout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM checkout WHERE id = NEW.checkout_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a contract has the merchant and mode of its checkout' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER contract_keeps_checkout BEFORE INSERT OR UPDATE OF checkout_id ON contract
  FOR EACH ROW WHEN (NEW.checkout_id IS NOT NULL) EXECUTE FUNCTION contract_check_checkout()

-- next

CREATE FUNCTION collection_check_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a collection has the merchant and mode of its loan' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER collection_keeps_loan BEFORE INSERT OR UPDATE OF loan_id ON collection
  FOR EACH ROW WHEN (NEW.loan_id IS NOT NULL) EXECUTE FUNCTION collection_check_loan()

-- next

CREATE FUNCTION shopper_return_check_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a shopper return has the merchant and mode of its loan' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER shopper_return_keeps_loan BEFORE INSERT OR UPDATE OF loan_id ON shopper_return
  FOR EACH ROW WHEN (NEW.loan_id IS NOT NULL) EXECUTE FUNCTION shopper_return_check_loan()

-- next

CREATE FUNCTION loan_repayment_check_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a loan repayment has the mode of its loan' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER loan_repayment_keeps_loan BEFORE INSERT OR UPDATE OF loan_id ON loan_repayment
  FOR EACH ROW WHEN (NEW.loan_id IS NOT NULL) EXECUTE FUNCTION loan_repayment_check_loan()

-- next

CREATE FUNCTION settlement_line_check_settlement_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.batch_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a settlement line has the merchant and mode of its settlement batch' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER settlement_line_keeps_settlement_batch BEFORE INSERT OR UPDATE OF batch_id ON settlement_line
  FOR EACH ROW WHEN (NEW.batch_id IS NOT NULL) EXECUTE FUNCTION settlement_line_check_settlement_batch()

-- next

CREATE FUNCTION payout_check_settlement_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.settlement_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a payout has the merchant and mode of its settlement batch' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER payout_keeps_settlement_batch BEFORE INSERT OR UPDATE OF settlement_id ON payout
  FOR EACH ROW WHEN (NEW.settlement_id IS NOT NULL) EXECUTE FUNCTION payout_check_settlement_batch()

-- next

CREATE FUNCTION tenancy_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = 'tenancy: ' || TG_ARGV[0], ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER shopper_keeps_tenant BEFORE UPDATE OF mode ON shopper
  FOR EACH ROW WHEN (NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the mode of a shopper never changes')

-- next

CREATE TRIGGER checkout_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON checkout
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a checkout never change')

-- next

CREATE TRIGGER payment_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payment
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a payment never change')

-- next

CREATE TRIGGER loan_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON loan
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a loan never change')

-- next

CREATE TRIGGER refund_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON refund
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a refund never change')

-- next

CREATE TRIGGER dispute_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON dispute
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a dispute never change')

-- next

CREATE TRIGGER subsidy_claim_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON subsidy_claim
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a subsidy claim never change')

-- next

CREATE TRIGGER collection_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON collection
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a collection never change')

-- next

CREATE TRIGGER shopper_return_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON shopper_return
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a shopper return never change')

-- next

CREATE TRIGGER loan_repayment_keeps_tenant BEFORE UPDATE OF mode ON loan_repayment
  FOR EACH ROW WHEN (NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the mode of a loan repayment never changes')

-- next

CREATE TRIGGER settlement_batch_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON settlement_batch
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a settlement batch never change')

-- next

CREATE TRIGGER settlement_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON settlement_line
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a settlement line never change')

-- next

CREATE TRIGGER payout_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payout
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a payout never change')

-- next

CREATE TRIGGER event_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON event
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of an event never change')

-- next

CREATE TRIGGER webhook_endpoint_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON webhook_endpoint
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a webhook endpoint never change')

-- next

CREATE TRIGGER oauth_client_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON oauth_client
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of an oauth client never change')

-- next

CREATE TRIGGER test_clock_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON test_clock
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a test clock never change')

-- next

CREATE TRIGGER publishable_key_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON publishable_key
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a publishable key never change')

-- next

CREATE TRIGGER idempotent_answer_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON idempotent_answer
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of an idempotent answer never change')
