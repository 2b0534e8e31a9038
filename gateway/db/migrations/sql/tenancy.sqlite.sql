-- The guards of tenancy on SQLite: what belongs together has one merchant and one mode, and neither ever changes.
-- Statements are parted by a line "-- next". What RAISE refuses here, tenancy.postgresql.sql refuses in the same words.

CREATE TRIGGER checkout_keeps_shopper_insert BEFORE INSERT ON checkout WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a checkout has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER checkout_keeps_shopper_update BEFORE UPDATE OF shopper_id ON checkout WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a checkout has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER credit_decision_keeps_shopper_insert BEFORE INSERT ON credit_decision WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a credit decision has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER credit_decision_keeps_shopper_update BEFORE UPDATE OF shopper_id ON credit_decision WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a credit decision has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER payment_keeps_shopper_insert BEFORE INSERT ON payment WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a payment has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER payment_keeps_shopper_update BEFORE UPDATE OF shopper_id ON payment WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a payment has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_keeps_shopper_insert BEFORE INSERT ON loan WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_keeps_shopper_update BEFORE UPDATE OF shopper_id ON loan WHEN NEW.shopper_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan has the mode of its shopper')
   WHERE NOT EXISTS (SELECT 1 FROM shopper WHERE id = NEW.shopper_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_keeps_payment_insert BEFORE INSERT ON loan WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_keeps_payment_update BEFORE UPDATE OF payment_id ON loan WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER refund_keeps_payment_insert BEFORE INSERT ON refund WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a refund has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER refund_keeps_payment_update BEFORE UPDATE OF payment_id ON refund WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a refund has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER dispute_keeps_payment_insert BEFORE INSERT ON dispute WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a dispute has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER dispute_keeps_payment_update BEFORE UPDATE OF payment_id ON dispute WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a dispute has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER subsidy_claim_keeps_payment_insert BEFORE INSERT ON subsidy_claim WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a subsidy claim has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER subsidy_claim_keeps_payment_update BEFORE UPDATE OF payment_id ON subsidy_claim WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a subsidy claim has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER contract_keeps_payment_insert BEFORE INSERT ON contract WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a contract has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER contract_keeps_payment_update BEFORE UPDATE OF payment_id ON contract WHEN NEW.payment_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a contract has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER contract_keeps_checkout_insert BEFORE INSERT ON contract WHEN NEW.checkout_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a contract has the merchant and mode of its checkout')
   WHERE NOT EXISTS (SELECT 1 FROM checkout WHERE id = NEW.checkout_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER contract_keeps_checkout_update BEFORE UPDATE OF checkout_id ON contract WHEN NEW.checkout_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a contract has the merchant and mode of its checkout')
   WHERE NOT EXISTS (SELECT 1 FROM checkout WHERE id = NEW.checkout_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER collection_keeps_loan_insert BEFORE INSERT ON collection WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a collection has the merchant and mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER collection_keeps_loan_update BEFORE UPDATE OF loan_id ON collection WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a collection has the merchant and mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER shopper_return_keeps_loan_insert BEFORE INSERT ON shopper_return WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a shopper return has the merchant and mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER shopper_return_keeps_loan_update BEFORE UPDATE OF loan_id ON shopper_return WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a shopper return has the merchant and mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_repayment_keeps_loan_insert BEFORE INSERT ON loan_repayment WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan repayment has the mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER loan_repayment_keeps_loan_update BEFORE UPDATE OF loan_id ON loan_repayment WHEN NEW.loan_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a loan repayment has the mode of its loan')
   WHERE NOT EXISTS (SELECT 1 FROM loan WHERE id = NEW.loan_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER settlement_line_keeps_settlement_batch_insert BEFORE INSERT ON settlement_line WHEN NEW.batch_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a settlement line has the merchant and mode of its settlement batch')
   WHERE NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.batch_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER settlement_line_keeps_settlement_batch_update BEFORE UPDATE OF batch_id ON settlement_line WHEN NEW.batch_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a settlement line has the merchant and mode of its settlement batch')
   WHERE NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.batch_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER payout_keeps_settlement_batch_insert BEFORE INSERT ON payout WHEN NEW.settlement_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a payout has the merchant and mode of its settlement batch')
   WHERE NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.settlement_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER payout_keeps_settlement_batch_update BEFORE UPDATE OF settlement_id ON payout WHEN NEW.settlement_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a payout has the merchant and mode of its settlement batch')
   WHERE NOT EXISTS (SELECT 1 FROM settlement_batch WHERE id = NEW.settlement_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER shopper_keeps_tenant BEFORE UPDATE OF mode ON shopper WHEN NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the mode of a shopper never changes');
END

-- next

CREATE TRIGGER checkout_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON checkout WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a checkout never change');
END

-- next

CREATE TRIGGER payment_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payment WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a payment never change');
END

-- next

CREATE TRIGGER loan_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON loan WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a loan never change');
END

-- next

CREATE TRIGGER refund_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON refund WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a refund never change');
END

-- next

CREATE TRIGGER dispute_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON dispute WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a dispute never change');
END

-- next

CREATE TRIGGER subsidy_claim_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON subsidy_claim WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a subsidy claim never change');
END

-- next

CREATE TRIGGER collection_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON collection WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a collection never change');
END

-- next

CREATE TRIGGER shopper_return_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON shopper_return WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a shopper return never change');
END

-- next

CREATE TRIGGER loan_repayment_keeps_tenant BEFORE UPDATE OF mode ON loan_repayment WHEN NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the mode of a loan repayment never changes');
END

-- next

CREATE TRIGGER settlement_batch_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON settlement_batch WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a settlement batch never change');
END

-- next

CREATE TRIGGER settlement_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON settlement_line WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a settlement line never change');
END

-- next

CREATE TRIGGER payout_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payout WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a payout never change');
END

-- next

CREATE TRIGGER event_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON event WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of an event never change');
END

-- next

CREATE TRIGGER webhook_endpoint_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON webhook_endpoint WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a webhook endpoint never change');
END

-- next

CREATE TRIGGER oauth_client_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON oauth_client WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of an oauth client never change');
END

-- next

CREATE TRIGGER test_clock_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON test_clock WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a test clock never change');
END

-- next

CREATE TRIGGER publishable_key_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON publishable_key WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a publishable key never change');
END

-- next

CREATE TRIGGER idempotent_answer_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON idempotent_answer WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of an idempotent answer never change');
END
