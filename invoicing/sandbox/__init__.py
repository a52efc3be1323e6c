"""Local stand-ins that speak the real protocols of Autopay, wFirma and SMTP on the loopback interface.

Written from the protocols alone: nothing here is shared with the gateways, so that a misreading shows as a
failing test instead of agreeing with itself. For the demo, the tests and a newcomer's laptop; never for
production (keys begin with ``sandbox-`` and only loopback addresses are bound).
"""
