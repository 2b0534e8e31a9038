-- Lines of orders on PostgreSQL. What is refused here, lines.sqlite.sql refuses in the same words.

CREATE FUNCTION lines_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'check_violation';
END $$

-- next

CREATE FUNCTION payment_line_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a payment line has the merchant and mode of its payment' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE FUNCTION captured_line_check_capture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM capture c JOIN payment p ON p.id = c.payment_id
                  WHERE c.id = NEW.capture_id AND p.id = NEW.payment_id AND p.merchant_id = NEW.merchant_id AND p.mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a captured line has the merchant and mode of its capture' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER payment_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payment_line
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a payment line never change')

-- next

CREATE TRIGGER captured_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON captured_line
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a captured line never change')

-- next

CREATE TRIGGER payment_line_keeps_payment BEFORE INSERT ON payment_line
  FOR EACH ROW EXECUTE FUNCTION payment_line_check_payment()

-- next

CREATE TRIGGER captured_line_keeps_capture BEFORE INSERT ON captured_line
  FOR EACH ROW EXECUTE FUNCTION captured_line_check_capture()

-- next

CREATE TRIGGER payment_line_stays BEFORE UPDATE ON payment_line
  FOR EACH ROW EXECUTE FUNCTION lines_refuse('a payment line never changes')

-- next

CREATE TRIGGER payment_line_is_kept BEFORE DELETE ON payment_line
  FOR EACH ROW EXECUTE FUNCTION lines_refuse('a payment line is never deleted')

-- next

CREATE TRIGGER captured_line_stays BEFORE UPDATE OF capture_id, line, payment_id, quantity, amount_fen ON captured_line
  FOR EACH ROW EXECUTE FUNCTION lines_refuse('what left with a capture never changes')

-- next

CREATE TRIGGER captured_line_is_kept BEFORE DELETE ON captured_line
  FOR EACH ROW EXECUTE FUNCTION lines_refuse('what left with a capture is never deleted')

-- next

CREATE TRIGGER captured_line_returns BEFORE UPDATE OF returned, returned_fen ON captured_line
  FOR EACH ROW WHEN (NEW.returned < OLD.returned OR NEW.returned_fen < OLD.returned_fen)
  EXECUTE FUNCTION lines_refuse('what came back stays returned')

-- next

CREATE TRIGGER subsidy_quota_stays_used BEFORE DELETE ON subsidy_quota
  FOR EACH ROW WHEN (OLD.used_at IS NOT NULL)
  EXECUTE FUNCTION lines_refuse('a used subsidy quota stays used')

-- next

CREATE TRIGGER subsidy_quota_keeps_person BEFORE UPDATE ON subsidy_quota
  FOR EACH ROW WHEN (OLD.used_at IS NOT NULL OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.programme IS DISTINCT FROM OLD.programme OR NEW.category IS DISTINCT FROM OLD.category OR NEW.person_lookup IS DISTINCT FROM OLD.person_lookup OR NEW.payment_id IS DISTINCT FROM OLD.payment_id)
  EXECUTE FUNCTION lines_refuse('a subsidy quota is only ever used')
