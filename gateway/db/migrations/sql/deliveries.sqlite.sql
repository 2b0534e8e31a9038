-- Tenancy of deliveries on SQLite: a delivery has the merchant and mode of its endpoint, and neither ever changes.
-- Statements are parted by a line "-- next". What RAISE refuses here, deliveries.postgresql.sql refuses in the same words.

CREATE TRIGGER webhook_delivery_keeps_webhook_endpoint_insert BEFORE INSERT ON webhook_delivery WHEN NEW.endpoint_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a webhook delivery has the merchant and mode of its webhook endpoint')
   WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoint WHERE id = NEW.endpoint_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER webhook_delivery_keeps_webhook_endpoint_update BEFORE UPDATE OF endpoint_id ON webhook_delivery WHEN NEW.endpoint_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'tenancy: a webhook delivery has the merchant and mode of its webhook endpoint')
   WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoint WHERE id = NEW.endpoint_id AND merchant_id = NEW.merchant_id AND mode = NEW.mode);
END

-- next

CREATE TRIGGER webhook_delivery_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON webhook_delivery WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a webhook delivery never change');
END
