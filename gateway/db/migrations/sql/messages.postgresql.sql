-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER message_frozen BEFORE UPDATE OF id, merchant_id, mode, shopper_id, kind, about, facts, useful_until, created_at ON message
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.about IS DISTINCT FROM OLD.about OR NEW.facts IS DISTINCT FROM OLD.facts OR NEW.useful_until IS DISTINCT FROM OLD.useful_until OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('message: what it was written with never changes')

-- next

CREATE TRIGGER message_status_steps BEFORE UPDATE OF status ON message
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:planned>sending,planned>dropped,sending>sent,sending>failed')

-- next

CREATE TRIGGER message_rests BEFORE UPDATE OF day, left_at, planned_at, slot, why ON message
  FOR EACH ROW WHEN ((OLD.status = 'sent' OR OLD.status = 'failed' OR OLD.status = 'dropped') AND (NEW.day IS DISTINCT FROM OLD.day OR NEW.left_at IS DISTINCT FROM OLD.left_at OR NEW.planned_at IS DISTINCT FROM OLD.planned_at OR NEW.slot IS DISTINCT FROM OLD.slot OR NEW.why IS DISTINCT FROM OLD.why)) EXECUTE FUNCTION refuse_change('message: it has ended and rests')

-- next

CREATE TRIGGER message_remains BEFORE DELETE ON message
  FOR EACH ROW EXECUTE FUNCTION refuse_change('message: a row is never removed')

-- next

CREATE TRIGGER message_slot_frozen BEFORE UPDATE OF shopper_id, day, number, taken_at ON message_slot
  FOR EACH ROW WHEN (NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.day IS DISTINCT FROM OLD.day OR NEW.number IS DISTINCT FROM OLD.number OR NEW.taken_at IS DISTINCT FROM OLD.taken_at) EXECUTE FUNCTION refuse_change('message slot: what it was written with never changes')

-- next

CREATE TRIGGER message_slot_remains BEFORE DELETE ON message_slot
  FOR EACH ROW EXECUTE FUNCTION refuse_change('message slot: a row is never removed')

-- next

CREATE TRIGGER checkout_language_once BEFORE UPDATE OF language ON checkout
  FOR EACH ROW WHEN (OLD.language IS NOT NULL AND NEW.language IS DISTINCT FROM OLD.language) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')
