"""What an article is like when nobody has measured it, and the stable numbers that stand in for chance."""

import hashlib

from edge.messages import Item

_SIZES = (
    # of 100 articles, volume_ml from..to, weight_g from..to
    (60, (40, 400), (20, 250)),
    (90, (400, 1500), (150, 900)),
    (100, (1500, 5000), (500, 2500)),
)


def stable_number(*parts: object) -> int:
    """A number below 2**64 that depends on the parts alone: the first 8 bytes of SHA-256 over them, big-endian.

    The parts are joined as text with the unit separator (U+001F). Unlike hash() it is the same in every process.
    """
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def article(sku: str, description: str = "") -> Item:
    """A catalogue entry with plausible volume and weight, the same for the same SKU always."""
    volume, weight = next((v, w) for below, v, w in _SIZES if stable_number("size", sku) % 100 < below)
    return Item(
        sku=sku,
        description=description,
        volume_ml=volume[0] + stable_number("volume", sku) % (volume[1] - volume[0]),
        weight_g=weight[0] + stable_number("weight", sku) % (weight[1] - weight[0]),
    )
