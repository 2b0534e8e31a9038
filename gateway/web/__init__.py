"""What all routes share: operations, problem details, idempotency, paging, fields, pages."""
