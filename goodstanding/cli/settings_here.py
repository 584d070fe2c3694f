"""What holds for the platform that is set up here, for commands that judge events without any server."""

from __future__ import annotations

from goodstanding.cli.frame import warn
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack


def settings_here(stack: Stack) -> FixedSettings:
    """The settings of this platform, or those of the environment where none is set up. A variable that says something
    else than the platform was set up with is not used, which is said."""
    settings = stack.settings
    if settings is None:
        return FixedSettings.new()
    for variable in settings.unused_variables():
        setting = variable.removeprefix("GOODSTANDING_").lower()
        warn(
            f"{variable} is not used: the platform in {stack.home} was set up with {setting} = "
            f"{getattr(settings, setting)}. For another one, name its directory in GOODSTANDING_HOME."
        )
    return settings
