"""What the shop sells; prices in fen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One phone, with its name and a line about it in both languages."""

    slug: str
    name: str
    name_en: str
    line: str
    line_en: str
    price_fen: int
    colour: str
    """Fill of the drawing on the page."""


PRODUCTS = (
    Product(
        "xinghe-12", "星河 12 Pro", "Galaxy River 12 Pro", "6.7 英寸 · 256 GB · 三摄",
        "6.7 in · 256 GB · triple camera", 599_900, "#3b5bdb",
    ),
    Product(
        "xinghe-12-lite", "星河 12 青春版", "Galaxy River 12 Lite", "6.1 英寸 · 128 GB · 双摄",
        "6.1 in · 128 GB · dual camera", 299_900, "#0c8599",
    ),
    Product(
        "xinghe-fold", "星河 Fold", "Galaxy River Fold", "8 英寸内屏 · 512 GB", "8 in inner screen · 512 GB",
        1_099_900, "#862e9c",
    ),
)  # fmt: skip
BY_SLUG = {product.slug: product for product in PRODUCTS}
