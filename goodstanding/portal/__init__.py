"""The portal: where a person reads what the platform says of them, and subscribers ask over HTTP. It owns no rule."""
