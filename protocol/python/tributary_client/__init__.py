"""A client of a Tributary federation: it joins, trains with a function of yours, and delivers what came out."""

from .client import Client, Forbidden, Refused, sent_shapes
from .membership import Membership, MembershipError, join
from .session import Ended

__all__ = ["Client", "Ended", "Forbidden", "Membership", "MembershipError", "Refused", "join", "sent_shapes"]
