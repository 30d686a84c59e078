# pragma version ^0.4.0
# A pretend Aave v3 market in one contract: provider, pool and oracle, with the signatures of the real ones.
# `market.hex` is its bytecode: vyper 0.4.3, `vyper -f bytecode market.vy`.

struct Data:
    collateral: uint256
    debt: uint256
    available: uint256
    threshold: uint256
    ltv: uint256
    health: uint256

data: HashMap[address, Data]
known: HashMap[address, bool]


@external
@view
def getPool() -> address:
    return self


@external
@view
def getPriceOracle() -> address:
    return self


@external
@view
def BASE_CURRENCY_UNIT() -> uint256:
    return 10**8


@external
def put(user: address, collateral: uint256, debt: uint256, health: uint256):
    self.known[user] = True
    self.data[user] = Data(collateral=collateral, debt=debt, available=0, threshold=8250, ltv=8000, health=health)


@external
@view
def getUserAccountData(user: address) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    if not self.known[user]:
        return 0, 0, 0, 0, 0, max_value(uint256)
    d: Data = self.data[user]
    return d.collateral, d.debt, d.available, d.threshold, d.ltv, d.health
