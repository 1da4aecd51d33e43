"""How fast this machine makes outer gradients, beside a plain loop over tasks; how right they are, and what bounds them."""

from .machine import describe_machine
from .measure import Row, measure
from .workloads import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Row", "Workload", "describe_machine", "measure"]
