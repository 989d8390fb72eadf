"""What is kept of an inbox rule, so that it can be made again."""

from __future__ import annotations

import json

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs


async def test_a_rule_is_made_again_with_addresses_and_without_empty_parameters(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    stubs.exchange.answers["Get-InboxRule"] = [
        {
            "Name": "To home",
            "RuleIdentity": 1675,
            "Identity": "eve\\1675",
            "Enabled": False,
            "Priority": 3,
            "ForwardTo": ['"Eve at home" [SMTP:eve@home.example]'],
            "SubjectContainsWords": ["invoice"],
            "DeleteMessage": False,
            "MoveToFolder": None,
            "Description": "If the message …",
        }
    ]

    rule = (await stubbed.inbox_rules.list(eve))[0]
    await stubbed.inbox_rules.create(eve, json.loads(json.dumps(rule.record)))

    (made, parameters), (switched_off, _) = stubs.exchange.sent
    assert (rule.id, made, switched_off) == ("1675", "New-InboxRule", "Disable-InboxRule")
    assert parameters == {
        "Mailbox": eve.id,
        "Name": "To home",
        "Priority": 3,
        "ForwardTo": ["eve@home.example"],
        "SubjectContainsWords": ["invoice"],
        "Force": True,
        "Confirm": False,
    }


async def test_the_rules_behind_junk_mail_and_automatic_replies_are_not_shown(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    names = ["junk e-mail RULE", "Microsoft.Exchange.OOF.KnownExternalSenders.Global", "Junk", "Mine"]
    stubs.exchange.answers["Get-InboxRule"] = [{"Name": name, "RuleIdentity": name} for name in names]

    assert [rule.name for rule in await stubbed.inbox_rules.list(eve)] == ["Junk", "Mine"]
