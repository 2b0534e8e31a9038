"""GET /v1/me."""

from __future__ import annotations

from typing import Any

from gateway.core.money import MAX_AMOUNT_FEN
from gateway.merchants import service
from gateway.merchants.schemas import MeAnswer
from gateway.web.operations import VERSION, Api, Call

api = Api("me", prefix="/v1/me")


@api.get(answer=MeAnswer)
def get_me(call: Call) -> Any:
    """The caller: merchant, mode, scopes, version, limits."""
    merchant = service.get(call.tx, call.tenant.merchant_id)
    return {
        "merchant": merchant.id,
        "name": merchant.name,
        "name_en": merchant.name_en,
        "category": merchant.category,
        "mode": call.tenant.mode,
        "client_id": call.caller.client_id,
        "role": call.caller.role,
        "scopes": sorted(call.caller.scopes),
        "frame_origins": service.frame_origins(merchant, call.tenant.mode),
        "publishable_key": service.publishable_key(call.tx, call.tenant),
        "api_version": VERSION,
        "limits": {"max_amount": MAX_AMOUNT_FEN, "terms": list(range(3, 13))},
    }
