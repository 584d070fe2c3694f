"""Pictures of the pages as somebody has seen and accepted them, and what has changed since.

    .venv/bin/python -m tests.browser        # after a change that is meant: takes them again, to be looked at

The browser packs, unpacks and compares them. Its fonts are part of a picture, so they hold for Debian's Chromium with
fonts-dejavu and fonts-wqy-microhei.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from services.scorer.core.reasons.figures import Language

PLACE = Path(__file__).parent / "references"
KEPT: tuple[tuple[str, Language, str], ...] = (
    ("newcomer", "zh", "phone"),
    ("with-record", "en", "phone"),
    ("disputed", "en", "desk"),
    ("restricted", "zh", "desk"),
    ("excellent", "zh", "phone"),
    ("excellent", "en", "desk"),
    ("support", "zh", "phone"),
    ("risk", "en", "desk"),
    ("operator", "en", "phone"),
)
"""A page of each kind, and each language at each width; the tests look at all others without a picture."""

_PACK = """async png => {
    const image = await createImageBitmap(await (await fetch(png)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext('2d').drawImage(image, 0, 0);
    const packed = new Uint8Array(await (await canvas.convertToBlob({type: 'image/webp', quality: 0.6})).arrayBuffer());
    return btoa(Array.from(packed, each => String.fromCharCode(each)).join(''));
}"""
_COMPARE = """async ([one, other, height]) => {
    const images = await Promise.all([one, other].map(async each => {
        const image = await createImageBitmap(await (await fetch(each)).blob());
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d', {willReadFrequently: true});
        context.drawImage(image, 0, 0);
        return {width: image.width, height: image.height, context};
    }));
    const [a, b] = images;
    if (a.width !== b.width || a.height !== b.height)
        return {size: images.map(each => `${each.width} by ${each.height}`)};
    const bands = [];
    for (let top = 0; top < a.height; top += height) {
        const part = Math.min(height, a.height - top);
        const [p, q] = images.map(each => each.context.getImageData(0, top, a.width, part).data);
        let differ = 0;
        for (let at = 0; at < p.length; at += 4)
            differ += Math.abs(p[at + 1] - q[at + 1]) > 96;
        if (differ > a.width * part / 400) bands.push(top);
    }
    return {bands};
}"""
_BAND = 20


def reference(name: str, language: str, width: str) -> Path:
    return PLACE / f"{name}-{language}-{width}.webp"


def changed(browser: Browser, kept: Path, png: bytes) -> str:
    """What is different from the picture that is kept; empty where nothing is."""
    with browser.new_page() as page:
        found: Any = page.evaluate(_COMPARE, [_address(kept.read_bytes(), "webp"), _address(png, "png"), _BAND])
    if "size" in found:
        before, now = found["size"]
        return f"{kept.name} is {before}, and the page is {now} now"
    bands = ", ".join(f"{top} to {top + _BAND}" for top in found["bands"])
    return bands and f"{kept.name} looks different now, in pixels from the top: {bands}"


def write(page: Page, kept: Path, png: bytes) -> None:
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(b64decode(page.evaluate(_PACK, _address(png, "png"))))


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"
