"""A wallet on an Ethereum chain: how many transactions it has sent since the deploy began.

An account's nonce is the number of transactions that it has sent (Ethereum yellow paper, section 4.1), so none
escapes the count, whoever holds the key. Which of them an order explains, people say: the limit is how many may be.
"""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from ultra_checklist.model import Verdict, Words
from ultra_checklist.probes.base import Context, Observation, Options, Probe, Twin, failed, passed, unknown
from ultra_checklist.probes.chain import (
    Address,
    AtBlock,
    ChainOptions,
    ChainSeen,
    at_one_block,
    before,
    doubtful,
    no_baseline,
)
from ultra_checklist.probes.fetch import Asker
from ultra_checklist.probes.jsonrpc import Node

_TWIN_TIME = 1_767_225_600


class WalletOptions(ChainOptions):
    """Which wallet, and what it may have done."""

    account: Address = Field(description="The wallet's address.")
    max_transactions: int = Field(ge=0, description="Most transactions that it may have sent since the deploy.")


class Sent(AtBlock):
    """How many transactions an account had sent by a block."""

    transactions: int


class WalletSeen(ChainSeen):
    """What the nodes said, in the order of the option."""

    sent: list[Sent] = Field(default_factory=list)
    """Empty where a chain is not the one that is meant."""
    before: Sent | None = None
    """The same account and chain as the deploy began; None: that was not seen."""


class WalletProbe(Probe[WalletOptions, WalletSeen]):
    """Asks the nodes, all for the same block."""

    name = "wallet"
    summary = Words(
        en="a wallet: the transactions that it has sent since the deploy; chain and freshness",
        ja="ウォレット: デプロイ後に送信したトランザクション数・チェーンと鮮度",
    )
    options_model: ClassVar[type[Options]] = WalletOptions
    observation_model: ClassVar[type[Observation]] = WalletSeen
    judged: ClassVar[frozenset[str]] = frozenset({"max_transactions", "max_block_age", "testnet"})

    @property
    def wants_baseline(self) -> bool:
        """The count as the deploy began."""
        return True

    def twins(self) -> Iterator[Twin]:
        """Another chain, and one transaction more than there may be."""
        options, nodes = self.options, len(self.options.rpc)
        earlier = Sent(block=1, block_hash="0x1", block_time=_TWIN_TIME, transactions=7)

        def seen(chain: int, more: int) -> WalletSeen:
            now = earlier.model_copy(update={"block": 2, "transactions": earlier.transactions + more})
            return WalletSeen(
                account=options.account, asked=_TWIN_TIME, hosts=["twin"] * nodes, chain_ids=[chain] * nodes,
                sent=[now] * nodes, before=earlier,
            )  # fmt: skip

        many = options.max_transactions + 1
        yield Twin(Words(en="another chain", ja="別のチェーン"), seen=seen(options.chain_id + 1, 0))
        yield Twin(
            Words(en=f"transactions sent: {many}", ja=f"送信済みトランザクション {many} 件"),
            seen=seen(options.chain_id, many),
        )

    async def observe(self, context: Context) -> WalletSeen:
        """Ask every node for its chain and newest block, then all of them for the oldest of these."""
        account = self.options.account

        async def ask(node: Node, _asking: Asker, number: int) -> Sent:
            block = await node.block(number)
            count = await node.transactions(account, number)
            return Sent(block=number, block_hash=block.hash, block_time=block.time, transactions=count)

        seen, sent = await at_one_block(self.options, context, account, ask)
        known = before(context, WalletSeen, self.options, account)
        was = known.sent[0] if sent and known is not None and known.sent else None
        return WalletSeen(**seen.model_dump(), sent=sent, before=was)

    def judge(self, seen: WalletSeen) -> Verdict:
        """Whether it is the right chain and a present answer; then how many came since."""
        doubt = doubtful(self.options, seen, seen.sent)
        if doubt is not None:
            return doubt
        now, was, most = seen.sent[0], seen.before, self.options.max_transactions
        if was is None:
            told = Words(en=f"transactions in all: {now.transactions}", ja=f"累計 {now.transactions} 件")
            return no_baseline(Words(en="the wallet's count", ja="トランザクション数"), told)
        since = now.transactions - was.transactions
        if since < 0:
            return unknown(
                "count-fell",
                Words(
                    en="it has sent fewer than as the deploy began: the node lags, or the chain was reorganized",
                    ja="デプロイ開始時より件数が減っています（ノードの遅延または再編成の可能性）",
                ),
                expected=Words.same(f">= {was.transactions}"),
                seen=Words.same(str(now.transactions)),
                remedy=Words(en="name another RPC", ja="別の RPC を指定してください"),
            )
        expected = Words.same(f"<= {most}")
        told = Words(en=f"transactions since the deploy: {since}", ja=f"デプロイ後のトランザクション {since} 件")
        if since <= most:
            return passed("quiet", expected=expected, seen=told)
        return failed(
            "transactions",
            Words(
                en="the wallet has sent more transactions than it may have",
                ja="ウォレットから想定を超えるトランザクションが送信されています",
            ),
            expected=expected,
            seen=told,
            remedy=Words(
                en=f"look at what {self.options.account} has sent since block {was.block}",
                ja=f"ブロック {was.block} 以降に {self.options.account} が送信した内容を確認してください",
            ),
            many=True,
        )
