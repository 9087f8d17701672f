"""Which network addresses a website may have: a crawler must not be led into the private network."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(OSError):
    """A host's address is private; `errno` is unset, so that nobody takes it for a failing network."""


def is_public(address: str) -> bool:
    """Whether the numeric address is unicast on the public internet.

    Not so are loopback, private, link-local, shared, reserved, unspecified and multicast addresses, and
    the IPv6 forms that carry such an IPv4 address (mapped, 6to4, Teredo, NAT64).
    """
    try:
        parsed: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    carried = _carried(parsed) if isinstance(parsed, ipaddress.IPv6Address) else []
    return all(each.is_global and not each.is_multicast for each in carried or [parsed])


def _carried(address: ipaddress.IPv6Address) -> list[_Address]:
    """The IPv4 addresses that packets to this IPv6 address may end at."""
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address, address.sixtofour]
    if address.teredo:
        return [address, *address.teredo]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def check_literal(host: str) -> None:
    """Refuse a host that is itself a private address. Raises AddressRefusedError."""
    numeric = host.strip("[]").partition("%")[0]
    try:
        ipaddress.ip_address(numeric)
    except ValueError:
        return  # a name: the resolver sees it
    if not is_public(numeric):
        raise AddressRefusedError(f"{host} is a private address")


class PublicResolver(AbstractResolver):
    """Resolves names, refusing those with an address that is not public.

    aiohttp connects to just the addresses that come out here, so a name cannot change its address
    between the check and the connection (DNS rebinding).
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's addresses. Raises AddressRefusedError where one of them is not public."""
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            if not is_public(result["host"]):
                raise AddressRefusedError(f"{host} has the private address {result['host']}")
        return results

    async def close(self) -> None:
        """Close the resolver below."""
        await self._resolver.close()
