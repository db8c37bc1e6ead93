"""Addresses on loopback: one for each pod, one for each Service, and the proxies between them."""
