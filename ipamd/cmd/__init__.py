"""The programs."""

import warnings

# oslo.service and futurist import eventlet, which nobody here uses, if it is installed.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
