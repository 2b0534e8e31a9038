-- Lines of orders on SQLite. What RAISE refuses here, lines.postgresql.sql refuses in the same words.

CREATE TRIGGER payment_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON payment_line WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a payment line never change');
END

-- next

CREATE TRIGGER captured_line_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON captured_line WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a captured line never change');
END

-- next

CREATE TRIGGER payment_line_keeps_payment BEFORE INSERT ON payment_line
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a payment line has the merchant and mode of its payment')
   WHERE NOT EXISTS (SELECT 1 FROM payment WHERE id = NEW.payment_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER captured_line_keeps_capture BEFORE INSERT ON captured_line
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a captured line has the merchant and mode of its capture')
   WHERE NOT EXISTS (SELECT 1 FROM capture c JOIN payment p ON p.id = c.payment_id
                      WHERE c.id = NEW.capture_id AND p.id = NEW.payment_id AND p.merchant_id = NEW.merchant_id AND p.mode = NEW.mode);
END

-- next

CREATE TRIGGER payment_line_stays BEFORE UPDATE ON payment_line
BEGIN
  SELECT RAISE(ABORT, 'a payment line never changes');
END

-- next

CREATE TRIGGER payment_line_is_kept BEFORE DELETE ON payment_line
BEGIN
  SELECT RAISE(ABORT, 'a payment line is never deleted');
END

-- next

CREATE TRIGGER captured_line_stays BEFORE UPDATE OF capture_id, line, payment_id, quantity, amount_fen ON captured_line
BEGIN
  SELECT RAISE(ABORT, 'what left with a capture never changes');
END

-- next

CREATE TRIGGER captured_line_is_kept BEFORE DELETE ON captured_line
BEGIN
  SELECT RAISE(ABORT, 'what left with a capture is never deleted');
END

-- next

CREATE TRIGGER captured_line_returns BEFORE UPDATE OF returned, returned_fen ON captured_line WHEN NEW.returned < OLD.returned OR NEW.returned_fen < OLD.returned_fen
BEGIN
  SELECT RAISE(ABORT, 'what came back stays returned');
END

-- next

CREATE TRIGGER subsidy_quota_stays_used BEFORE DELETE ON subsidy_quota WHEN OLD.used_at IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a used subsidy quota stays used');
END

-- next

CREATE TRIGGER subsidy_quota_keeps_person BEFORE UPDATE ON subsidy_quota WHEN OLD.used_at IS NOT NULL OR NEW.mode IS NOT OLD.mode OR NEW.programme IS NOT OLD.programme OR NEW.category IS NOT OLD.category OR NEW.person_lookup IS NOT OLD.person_lookup OR NEW.payment_id IS NOT OLD.payment_id
BEGIN
  SELECT RAISE(ABORT, 'a subsidy quota is only ever used');
END
