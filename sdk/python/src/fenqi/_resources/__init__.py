"""The resources of the API, one small file each, loaded when first used.

A method is one request unless it says so. ``idempotency_key`` should be your own order, shipment or refund
number: a generated key does not survive a crash of the shop. ``timeout`` is seconds for this call; ``extra``
holds fields this package does not name yet.
"""
