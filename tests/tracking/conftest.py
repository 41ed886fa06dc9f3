import pytest

from tests import stores


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """The file of an empty store; copies of it spare the seconds that making one takes."""
    return stores.template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def file(template, tmp_path):
    """The file of an empty store of the test's own."""
    return stores.copy(template, tmp_path / "store")


@pytest.fixture
def uri(file):
    """The address of that store."""
    return f"sqlite:///{file}"
