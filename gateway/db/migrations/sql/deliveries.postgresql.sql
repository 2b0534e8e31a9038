-- Tenancy of deliveries on PostgreSQL: a delivery has the merchant and mode of its endpoint, and neither ever changes.
-- Statements are parted by a line "-- next". What is refused here, deliveries.sqlite.sql refuses in the same words.

CREATE FUNCTION webhook_delivery_check_webhook_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM webhook_endpoint WHERE id = NEW.endpoint_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode) THEN
    RAISE EXCEPTION 'tenancy: a webhook delivery has the merchant and mode of its webhook endpoint' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER webhook_delivery_keeps_webhook_endpoint BEFORE INSERT OR UPDATE OF endpoint_id ON webhook_delivery
  FOR EACH ROW WHEN (NEW.endpoint_id IS NOT NULL) EXECUTE FUNCTION webhook_delivery_check_webhook_endpoint()

-- next

CREATE TRIGGER webhook_delivery_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON webhook_delivery
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of a webhook delivery never change')
