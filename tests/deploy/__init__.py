"""What is shipped for running the service: checked against the tools and the schemas of others."""

import pytest

pytest.register_assert_rewrite("tests.deploy.pods")
