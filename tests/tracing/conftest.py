import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Thousands of tiny ops: threads would only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
