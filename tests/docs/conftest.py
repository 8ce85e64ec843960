"""Fixtures of the documentation's tests: workers, as the integration tests start them."""

from tests.integration.conftest import start_workers as start_workers
from tests.integration.conftest import upgraded as upgraded
