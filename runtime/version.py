"""The one place that states endcap's version."""

__version__ = "0.4.0"
