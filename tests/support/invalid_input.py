# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of invalid input: options, variables and filters that nobody can mean, and what is said of each.

Of each: the value, and the words that its message must have. What is refused is refused in every state of a task, but
for CONTRADICTIONS, which do not matter where access is taken away.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Words = str | tuple[str, ...]

_TEAM = "111122223333"
_ROLE = f"arn:aws:iam::{_TEAM}:role/ci"
_ORGANIZATION, _UNIT = "o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
_EMPTY = "principal is empty"
_DELETED = ("deleted role or user", "purge_deleted_principals")
_NO_ACCESS = "value of access must be one or more of"
_UNKNOWN = "Supported parameters include"
_NO_LIST = "cannot be converted to a list"
_NO_BOOL = "unable to convert to bool"
_NO_INT = "unable to convert to int"
_NO_DICT = "unable to convert to dict"
_NOBODY = "not a valid principal"
_WILDCARD = "AWS takes no wildcard in a principal"
_PATH = "the path of an organizational unit reads o-…/r-…/ou-…/"
_ADDRESS = "is an ARN or a URI: write the repository's name alone"
_NO_NAME = "is not a repository name, nor a pattern with * ? [ ] (lower case, digits, and . _ - / between)"
_NO_ACCOUNT = "is not a 12-digit account id"
_NO_REGION = 'is not a region such as eu-west-1, nor "*" for every region'


def _team(*grants: Any) -> dict[str, Any]:
    """The variable of the role with the grants of a team."""
    return {"ecr_share_grants_team": list(grants)}


def _shown(value: Any) -> str:
    """A value as messages show it: with escapes for the two characters of this table that could forge something."""
    return str(value).replace("\n", "\\n").replace("\u0661", "\\u0661")


# Members of lists of repositories.
NAMES: dict[str, tuple[Any, str]] = {
    "null": (None, f'"" {_NO_NAME}'),
    "true": (True, f'"True" {_NO_NAME}'),
    "a number": (5, f'"5" {_NO_NAME}'),
    "a list": (["base"], f"\"['base']\" {_NO_NAME}"),
    "an object": ({"name": "base"}, "\"{'name': 'base'}\" " + _NO_NAME),
    "no character": ("", f'"" {_NO_NAME}'),
    "a blank": (" ", f'" " {_NO_NAME}'),
    "one character": ("a", f'"a" {_NO_NAME}'),
    "257 characters": ("a" * 257, '"aaaaaa'),
    "a pattern of 257 characters": ("*" * 257, '"******'),
    "a blank in front": (" base", f'" base" {_NO_NAME}'),
    "a blank behind": ("base ", f'"base " {_NO_NAME}'),
    "a line break behind": ("base\n", f'"base\\n" {_NO_NAME}'),
    "a line break behind a pattern": ("base/*\n", f'"base/*\\n" {_NO_NAME}'),
    "a NUL": ("base\0", f'"base\\u0000" {_NO_NAME}'),
    "half of a character": ("base\ud800", '"base'),
    "a mark that turns the direction": ("base\u202e", f'"base\\u202e" {_NO_NAME}'),
    "an umlaut": ("bäse", f'"bäse" {_NO_NAME}'),
    "a letter that only looks like one": ("b\u0430se", f'"b\u0430se" {_NO_NAME}'),
    "capitals": ("Base", f'"Base" {_NO_NAME}'),
    "a slash in front": ("/base", f'"/base" {_NO_NAME}'),
    "a hyphen in front": ("-base", f'"-base" {_NO_NAME}'),
    "a dot behind": ("base.", f'"base." {_NO_NAME}'),
    "capitals in a pattern": ("Base/*", f'"Base/*" {_NO_NAME}'),
    "a blank in between": ("base python", f'"base python" {_NO_NAME}'),
    "a slash behind": ("base/", f'"base/" {_NO_NAME}'),
    "two slashes": ("base//python", f'"base//python" {_NO_NAME}'),
    "a way up": ("../base", f'"../base" {_NO_NAME}'),
    "two marks beside each other": ("base.-python", f'"base.-python" {_NO_NAME}'),
    "a tag": ("base:latest", f'"base:latest" {_NO_NAME}'),
    "a digest": ("base@sha256:00", f'"base@sha256:00" {_NO_NAME}'),
    "a list of names": ("base;web", f'"base;web" {_NO_NAME}'),
    "a command": ("$(reboot)", f'"$(reboot)" {_NO_NAME}'),
    "a template": ("{{ name }}", '"{{ name }}" ' + _NO_NAME),
    "a regular expression": ("^base.*$", f'"^base.*$" {_NO_NAME}'),
    "a pattern with alternatives": ("{a,b}/*", '"{a,b}/*" ' + _NO_NAME),
    "a pattern with a set as regular expressions have it": ("base/[^a]*", f'"base/[^a]*" {_NO_NAME}'),
    "a pattern with a backslash": ("base/\\*", f'"base/\\\\*" {_NO_NAME}'),
    "an ARN": ("arn:aws:ecr:us-east-1:123456789012:repository/base", '"arn:aws:ecr'),
    "a pattern of ARNs": ("arn:aws:ecr:*", f'"arn:aws:ecr:*" {_ADDRESS}'),
    "a URI": ("123456789012.dkr.ecr.us-east-1.amazonaws.com/base", '"123456789012.dkr'),
    "a URL": ("https://123456789012.dkr.ecr.us-east-1.amazonaws.com/base", '"https://'),
    "a public repository": (
        "public.ecr.aws/docker/library/python",
        f'"public.ecr.aws/docker/library/python" {_ADDRESS}',
    ),
}

# Of each: the second grant of a task, its place in the message, and what is said, whatever the state.
GRANTS: dict[str, tuple[Any, str, str]] = {
    "principals that are null": ({"principals": None}, "grants", "principals"),
    "no principals": ({"principals": []}, "grants[1]", "principals is empty: name at least one principal"),
    "null": (None, "grants", _NO_DICT),
    "a text": (_TEAM, "grants", _NO_DICT),
    "a number": (111122223333, "grants", _NO_DICT),
    "a list": ([_TEAM], "grants", _NO_DICT),
    "an empty object": ({}, "grants", "missing required arguments: principals"),
    "a misspelt key": ({"principal": _TEAM}, "grants.principal", _UNKNOWN),
    "a key in capitals": ({"Principals": _TEAM}, "grants.Principals", _UNKNOWN),
    "a key too many": ({"principals": _TEAM, "actions": ["*"]}, "grants.actions", _UNKNOWN),
    "an access in capitals": ({"principals": [_TEAM], "access": "PULL"}, "grants", _NO_ACCESS),
    "an access of old": ({"principals": [_TEAM], "access": "pull_push"}, "grants", _NO_ACCESS),
    "an access that is no capability": ({"principals": [_TEAM], "access": ["pull", "admin"]}, "grants", _NO_ACCESS),
    "all access": ({"principals": [_TEAM], "access": "*"}, "grants", _NO_ACCESS),
    "principals in an object": ({"principals": {"a": 1}}, "grants", _NO_LIST),
    "regions in an object": ({"principals": [_TEAM], "lambda_regions": {"a": 1}}, "grants", _NO_LIST),
    "repositories in an object": ({"principals": [_TEAM], "repositories": {"a": 1}}, "grants", _NO_LIST),
}

# Principals of the second grant of a task.
PRINCIPALS: dict[str, tuple[Any, Words]] = {
    "null": (None, _EMPTY),
    "no character": ("", _EMPTY),
    "blanks": ("  \n", _EMPTY),
    "true": (True, _NOBODY),
    "a fraction": (111122223333.0, _NOBODY),
    "a number below zero": (-11112222333, _NOBODY),
    "an octal number": (0o12345670123, ("has 10 digits, an account id has 12", "octal", "quote")),
    "a hexadecimal number": (0x111122223, "has 10 digits, an account id has 12"),
    "a list": ([_TEAM], _NOBODY),
    "an object": ({"AWS": _TEAM}, _NOBODY),
    "a word": ("everybody", _NOBODY),
    "eleven digits": ("11112222333", ("has 11 digits", "quote account ids")),
    "thirteen digits": ("1111222233334", ("has 13 digits", "quote account ids")),
    "an account with hyphens": ("1111-2222-3333", _NOBODY),
    "an account with blanks": ("1111 2222 3333", _NOBODY),
    "two accounts": (f"{_TEAM},444455556666", _NOBODY),
    "two lines": (f"{_TEAM}\n{_TEAM}", _NOBODY),
    "an account in other digits": ("\u0661" * 12, _NOBODY),
    "an account in wide digits": ("\uff11" * 12, _NOBODY),
    "an account and a NUL": (f"{_TEAM}\0", _NOBODY),
    "an account and a mark of no width": (f"{_TEAM}\u200b", _NOBODY),
    "an account that is turned round": (f"\u202e{_TEAM}", _NOBODY),
    "5,000 characters long": ("A" * 5_000, _NOBODY),
    "everybody": ("*", (_WILDCARD, "organization (o-…)")),
    "twelve of anything": ("?" * 12, _WILDCARD),
    "some accounts": ("1111*", _WILDCARD),
    "a service": ("lambda.amazonaws.com", _NOBODY),
    "an e-mail address": ("ops@example.com", _NOBODY),
    "a variable of a policy": ("${aws:PrincipalAccount}", _NOBODY),
    "a template": ("{{ team }}", _NOBODY),
    "a canonical user": ("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8", _NOBODY),
    "a deleted role": ("AROAEXAMPLEROLE123456", _DELETED),
    "a deleted user": ("AIDAEXAMPLEUSER123456", _DELETED),
    "a bucket": ("arn:aws:s3:::images", _NOBODY),
    "a group": (f"arn:aws:iam::{_TEAM}:group/dev", _NOBODY),
    "the beginning of an ARN": ("arn:", _NOBODY),
    "an ARN without a partition": (f"arn::iam::{_TEAM}:root", _NOBODY),
    "an ARN of half a partition": (f"arn:aws-:iam::{_TEAM}:root", _NOBODY),
    "of another partition": (f"arn:aws-cn:iam::{_TEAM}:root", ("belongs to the partition aws-cn", "to aws")),
    "a role of another partition": (f"arn:aws-us-gov:iam::{_TEAM}:role/ci", ("partition aws-us-gov", "to aws")),
    "an ARN in capitals": (f"ARN:AWS:IAM::{_TEAM}:ROOT", _NOBODY),
    "an ARN with a region": (f"arn:aws:iam:us-east-1:{_TEAM}:root", _NOBODY),
    "an ARN of eleven digits": ("arn:aws:iam::11112222333:root", _NOBODY),
    "an ARN with more behind it": (f"arn:aws:iam::{_TEAM}:root/x", _NOBODY),
    "a role without a name": (f"arn:aws:iam::{_TEAM}:role/", _NOBODY),
    "a role with a path alone": (f"arn:aws:iam::{_TEAM}:role/a/", _NOBODY),
    "every role": (f"arn:aws:iam::{_TEAM}:role/*", _WILDCARD),
    "roles by a question mark": (f"{_ROLE}?", _WILDCARD),
    "roles by a star in the path": (f"arn:aws:iam::{_TEAM}:role/team/*/ci", _WILDCARD),
    "every account": ("arn:aws:iam::*:root", _WILDCARD),
    "a role of any account": ("arn:aws:iam::*:role/ci", _WILDCARD),
    "a role with a blank": (f"arn:aws:iam::{_TEAM}:role/c i", _NOBODY),
    "a role with a line break": (f"arn:aws:iam::{_TEAM}:role/c\ni", _NOBODY),
    "a role that is turned round": (f"arn:aws:iam::{_TEAM}:role/\u202e", _NOBODY),
    "an instance profile": (f"arn:aws:iam::{_TEAM}:instance-profile/x", _NOBODY),
    "a federated identity": (f"arn:aws:iam::{_TEAM}:saml-provider/x", _NOBODY),
    "a role without a session": (f"arn:aws:sts::{_TEAM}:assumed-role/x", _NOBODY),
    "every session": (f"arn:aws:sts::{_TEAM}:assumed-role/x/*", _WILDCARD),
    "a function": (f"arn:aws:lambda:us-east-1:{_TEAM}:function:f", _NOBODY),
    "an organization in capitals": ("o-A1B2C3D4E5", _NOBODY),
    "an organization that is too short": ("o-a1b2c3d4e", _NOBODY),
    "every organization": ("o-*", _WILDCARD),
    "an organization's ARN": (f"arn:aws:organizations::{_TEAM}:organization/o-a1b2c3d4e5", _NOBODY),
    "an organization with a slash": ("o-a1b2c3d4e5/", _PATH),
    "a root without a slash": ("o-a1b2c3d4e5/r-ab12", _PATH),
    "an organization with a slash and a star": (f"{_ORGANIZATION}/*", "o-…/r-…/ou-…/*"),
    "units of every organization": ("o-*/*", (_PATH, "no other wildcard")),
    "units by a star": (f"{_ORGANIZATION}/r-ab12/ou-*/", (_PATH, "no other wildcard")),
    "units by a star behind an id": (f"{_UNIT[:-2]}*", (_PATH, "no other wildcard")),
    "a unit without its organization": ("ou-ab12-11111111", _NOBODY),
    "a unit without a slash": (_UNIT[:-2], (_PATH, "for that unit alone")),
    "a wildcard within a path": ("o-a1b2c3d4e5/*/ou-ab12-11111111/", _PATH),
    "two wildcards": ("o-a1b2c3d4e5/r-ab12/**", _PATH),
}

# What the second grant of a task has besides its principal, which is an account unless it says so.
CONTRADICTIONS: dict[str, tuple[dict[str, Any], Words]] = {
    "Lambda alone without regions": ({"access": []}, "at least one region in lambda_regions"),
    "Lambda alone in no regions": ({"access": [], "lambda_regions": []}, "at least one region in lambda_regions"),
    **{
        f"{access} with a region": (
            {"access": [access], "lambda_regions": ["us-east-1"]},
            (f"access: [{access}] with lambda_regions", "Lambda needs the pull", "access: []"),
        )
        for access in ("push", "describe")
    },
    **{
        f"regions of {kind}": (
            {"principals": [principal], "lambda_regions": ["us-east-1"]},
            ("accounts only", f"this is {kind}", "name its account"),
        )
        for kind, principal in {
            "a role": _ROLE,
            "a user": f"arn:aws:iam::{_TEAM}:user/alice",
            "a session": f"arn:aws:sts::{_TEAM}:assumed-role/ci/nightly",
            "an organization": _ORGANIZATION,
            "an organizational unit": _UNIT,
        }.items()
    },
    "Lambda alone for a unit": ({"principals": [_UNIT], "access": [], "lambda_regions": ["*"]}, "accounts only"),
    "a region of another partition": (
        {"lambda_regions": ["us-east-1", "cn-north-1"]},
        "cn-north-1 is in another partition than the registry (aws)",
    ),
    **{
        f"a region that is {name}": ({"lambda_regions": [value]}, f'lambda_regions: "{shown}" {_NO_REGION}')
        for name, value, shown in (
            ("null", None, ""),
            ("empty", "", ""),
            ("a number", 1, "1"),
            ("a list", ["us-east-1"], "['us-east-1']"),
            *(
                (name, value, _shown(value))
                for name, value in {
                    "in capitals": "US-EAST-1",
                    "a zone": "us-east-1a",
                    "an everyday name": "Ireland",
                    "two stars": "**",
                    "a pattern": "us-*",
                    "two regions": "us-east-1,eu-west-1",
                    "a region and an account": "us-east-1:444455556666",
                    "a region and a line break": "us-east-1\n",
                    "a region in other digits": "us-east-\u0661",
                }.items()
            ),
        )
    },
}

# Of each: the repositories of the task, those of its only grant, and what is said of the grant's.
NARROWED: dict[str, tuple[list[str], list[str], str]] = {
    "nothing": (["base"], [], " is empty: leave it out to grant access to every repository of the task"),
    "a name beside the task's": (["base"], ["web"], ': "web" matches none of the repositories of the task'),
    "a pattern beside the task's": (["base"], ["web/*"], ': "web/*" matches none of the repositories of the task'),
    "a name beside the task's patterns": (["web/*"], ["base"], ': "base" is not among the repositories of the task'),
}

OPTIONS: dict[str, tuple[dict[str, Any], Words]] = {
    "repositories that are null": ({"repositories": None}, _NO_LIST),
    "repositories in an object": ({"repositories": {"base": 1}}, _NO_LIST),
    "no repositories": ({"repositories": []}, "repositories is empty"),
    "an empty text of repositories": ({"repositories": ""}, '"" is not a repository name'),
    "grants that are null": ({"grants": None}, _NO_LIST),
    "grants in an object": ({"grants": {"principals": [_TEAM]}}, _NO_LIST),
    "no grants": ({"grants": []}, "grants is empty"),
    "a text of grants": ({"grants": "everybody"}, _NO_DICT),
    "a state that is null": ({"state": None}, "must be one of: present, absent"),
    "a state that is true": ({"state": True}, "must be one of: present, absent"),
    "a state in a list": ({"state": ["present"]}, "must be one of: present, absent"),
    "a state in capitals": ({"state": "Present"}, "must be one of: present, absent"),
    "a purge that is null": ({"purge_grants": None}, _NO_BOOL),
    "a purge in words": ({"purge_grants": "maybe"}, _NO_BOOL),
    "a purge in a list": ({"purge_grants": [True]}, _NO_BOOL),
    "a purge_deleted_principals that is a number": ({"purge_deleted_principals": 2}, _NO_BOOL),
    "a force_set_policy that is empty": ({"force_set_policy": ""}, _NO_BOOL),
    "a missing that is null": ({"on_missing": None}, "must be one of: fail, skip"),
    "a missing that is true": ({"on_missing": True}, "must be one of: fail, skip"),
    "a concurrency in words": ({"concurrency": "many"}, _NO_INT),
    "a concurrency that is null": ({"concurrency": None}, _NO_INT),
    "a concurrency with a fraction": ({"concurrency": 1.5}, _NO_INT),
    "a concurrency in a list": ({"concurrency": [8]}, _NO_INT),
    "a concurrency of none": ({"concurrency": 0}, "0 is not between 1 and 16"),
    "a concurrency below zero": ({"concurrency": -8}, "-8 is not between 1 and 16"),
    "a concurrency of 17": ({"concurrency": 17}, "17 is not between 1 and 16"),
    "a concurrency beyond measure": ({"concurrency": 10**30}, "is not between 1 and 16"),
    **{
        f"a registry that is {name}": (
            {"registry_id": value},
            (f'registry_id: "{_shown(value)}" {_NO_ACCOUNT}', "quote it"),
        )
        for name, value in {
            "a number": 5,
            "an octal number": 0o12345670123,
            "true": True,
            "in a list": [123456789012],
            "of eleven digits": "12345678901",
            "of thirteen digits": "1234567890123",
            "an account and a letter": "12345678901a",
            "an account and a blank": "123456789012 ",
            "an account and a line break": "12345678901\n",
            "an account with hyphens": "1234-5678-9012",
            "an account in other digits": "\u0661" * 12,
            "a word": "my-account",
            "an address": (
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            ),
        }.items()
    },
    "a purge with absent": ({"purge_grants": True, "state": "absent"}, "purge_grants requires state=present"),
    "a whole account with present": ({"whole_account": True}, "whole_account requires state=absent"),
    "a whole account in words": ({"whole_account": "some", "state": "absent"}, _NO_BOOL),
    "unmanaged access that is true": ({"unmanaged_access": True}, "must be one of: keep, revoke"),
    "unmanaged access of another kind": ({"unmanaged_access": "purge"}, "must be one of: keep, revoke"),
    "backups in a device": ({"backup_dir": "/dev/null"}, "/dev/null is not a directory"),
    "backups below a file": ({"backup_dir": f"{__file__}/below"}, "is not a directory"),
    "a relative folder for backups": ({"backup_dir": "backups"}, "'backups' is not an absolute path"),
    "an option that there is not": ({"principals": [_TEAM]}, _UNKNOWN),
    "an option of another module": ({"policy": "{}"}, _UNKNOWN),
}

_IAM_PATTERN = "is not a pattern that IAM knows, which has * and ? alone: name what [ ] stands for"
# What a grant for a registry or for creation templates is narrowed to, and what is said of it.
_NO_IAM_NAME = _NO_NAME.replace(" [ ]", "")
IAM_PATTERNS: dict[str, tuple[Any, str]] = {
    "no patterns": ([], "repositories is empty: leave it out for every repository"),
    "a set of characters": (["[a]*"], f'repositories: "[a]*" {_IAM_PATTERN}'),
    "an inverted set": (["base/[!a]*"], f'repositories: "base/[!a]*" {_IAM_PATTERN}'),
    "an exclamation mark": (["!base"], f'repositories: "!base" {_IAM_PATTERN}'),
    "the end of a set": (["base]"], f'repositories: "base]" {_IAM_PATTERN}'),
    "capitals": (["Base/*"], f'repositories: "Base/*" {_NO_IAM_NAME}'),
    "a name in capitals": (["Base"], f'repositories: "Base" {_NO_IAM_NAME}'),
    "an ARN": (
        ["arn:aws:ecr:us-east-1:123456789012:repository/*"],
        f'repositories: "arn:aws:ecr:us-east-1:123456789012:repository/*" {_ADDRESS}',
    ),
    "a URI": (
        ["123456789012.dkr.ecr.us-east-1.amazonaws.com/*"],
        f'repositories: "123456789012.dkr.ecr.us-east-1.amazonaws.com/*" {_ADDRESS}',
    ),
    "a variable of a policy": (
        ["${aws:PrincipalAccount}/*"],
        'repositories: "${aws:PrincipalAccount}/*" ' + _NO_IAM_NAME,
    ),
    "a blank": (["base *"], f'repositories: "base *" {_NO_IAM_NAME}'),
    "a bad one behind a good one": (["base/*", "Web/*"], f'repositories: "Web/*" {_NO_IAM_NAME}'),
    "no character": ([""], f'repositories: "" {_NO_IAM_NAME}'),
    "257 characters": (["*" * 257], 'repositories: "*****'),
}

# Of the options that both modules for repositories to come have.
TO_COME_OPTIONS: dict[str, tuple[dict[str, Any], Words]] = {
    "grants that are null": ({"grants": None}, _NO_LIST),
    "no grants": ({"grants": []}, "grants is empty"),
    "a state in capitals": ({"state": "Present"}, "must be one of: present, absent"),
    "a purge with absent": ({"purge_grants": True, "state": "absent"}, "purge_grants requires state=present"),
    "a whole account with present": ({"whole_account": True}, "whole_account requires state=absent"),
    "unmanaged access of another kind": ({"unmanaged_access": "purge"}, "must be one of: keep, revoke"),
    "backups in a device": ({"backup_dir": "/dev/null"}, "/dev/null is not a directory"),
    "a relative folder for backups": ({"backup_dir": "backups"}, "'backups' is not an absolute path"),
    "a registry of eleven digits": ({"registry_id": "12345678901"}, f'registry_id: "12345678901" {_NO_ACCOUNT}'),
    "force": ({"force_set_policy": True}, _UNKNOWN),
    "repositories": ({"repositories": ["*"]}, _UNKNOWN),
}

_NO_PREFIX = "is not a prefix of repository names, nor ROOT, nor a pattern with * ? [ ]"
TEMPLATE_OPTIONS: dict[str, tuple[dict[str, Any], Words]] = {
    "prefixes that are null": ({"prefixes": None}, _NO_LIST),
    "no prefixes": ({"prefixes": []}, "prefixes is empty: name at least one prefix, ROOT, or a pattern"),
    **{
        f"a prefix that is {name}": ({"prefixes": ["services", value]}, f'prefixes: "{_shown(value)}" {_NO_PREFIX}')
        for name, value in {
            "no character": "",
            "in capitals": "Services",
            "a root in small and capital letters": "Root",
            "two slashes": "services//web",
            "two slashes at the end": "services//",
            "a slash alone": "/",
            "a slash in front": "/services",
            "a blank": "services web",
            "a line break": "services\n",
            "an ARN": "arn:aws:ecr:us-east-1:123456789012:repository/services",
            "a pattern in capitals": "Services/*",
            "a pattern with alternatives": "{a,b}*",
        }.items()
    },
    "a prefix of 257 characters": ({"prefixes": ["a" * 257]}, 'prefixes: "aaaa'),
    "prefixes in an object": ({"prefixes": {"services": 1}}, _NO_LIST),
    "a missing that is unknown": ({"on_missing": "ignore"}, "must be one of: fail, skip"),
    "a concurrency of 17": ({"concurrency": 17}, "17 is not between 1 and 16"),
}

_LAMBDA = "lambda_regions: AWS documents the pull by Lambda for policies of repositories, not for that of a registry"
_WHOLE = ", principals leave the whole policy. Leave it out"
# Of each: options of the module for the policy of a registry, what its second grant has besides its principal, and what
# is said of that.
REGISTRY_GRANTS: dict[str, tuple[dict[str, Any], dict[str, Any], Words]] = {
    "regions": (
        {},
        {"lambda_regions": ["us-east-1"]},
        (_LAMBDA, "imageshare.aws.ecr_share_policy", "imageshare.aws.ecr_share_creation_template"),
    ),
    "regions alone": ({}, {"access": [], "lambda_regions": ["*"]}, _LAMBDA),
    "no access": ({}, {"access": []}, "access is empty: name at least one capability"),
    "patterns out of what others wrote": (
        {"state": "absent", "unmanaged_access": "revoke"},
        {"repositories": ["services/*"]},
        f"repositories: with unmanaged_access=revoke{_WHOLE}",
    ),
    "all repositories out of what others wrote": (
        {"state": "absent", "unmanaged_access": "revoke"},
        {"repositories": ["*"]},
        f"repositories: with unmanaged_access=revoke{_WHOLE}",
    ),
    "patterns of a whole account": (
        {"state": "absent", "whole_account": True},
        {"repositories": ["services/*"]},
        f"repositories: with whole_account{_WHOLE}",
    ),
    "patterns of both": (
        {"state": "absent", "whole_account": True, "unmanaged_access": "revoke"},
        {"repositories": ["services/*"]},
        f"repositories: with unmanaged_access=revoke and whole_account{_WHOLE}",
    ),
}

RESTORE_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown word to apply to": (
        {"apply_to": ["registries"]},
        "apply_to must be one or more of: repositories, registry, templates",
    ),
    "no kinds": (
        {"apply_to": []},
        "apply_to is empty: name some of repositories, registry, templates, or leave it out",
    ),
    "repositories that are null": ({"repositories": None}, _NO_LIST),
    "no repositories": ({"repositories": []}, "repositories is empty"),
    "a repository in capitals": ({"repositories": ["Base"]}, '"Base" is not a repository name'),
    "an overwrite in words": ({"overwrite": "please"}, _NO_BOOL),
    "a missing that is unknown": ({"on_missing": "ignore"}, "must be one of: fail, skip"),
    "a concurrency of 17": ({"concurrency": 17}, "17 is not between 1 and 16"),
    "a registry of eleven digits": ({"registry_id": "12345678901"}, '"12345678901" is not a 12-digit account id'),
    "backups in a device": ({"backup_dir": "/dev/null"}, "/dev/null is not a directory"),
    "a relative folder for backups": ({"backup_dir": "./backups"}, "'./backups' is not an absolute path"),
    "a relative path of backups": ({"backup_path": "backups/20260131"}, "'backups/20260131' is not an absolute path"),
    "a goal that is unknown": ({"to": "after"}, "must be one of: before, written"),
    "a state": ({"state": "present"}, _UNKNOWN),
}

AUDIT_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no repositories": ({"repositories": []}, "repositories is empty"),
    "a repository in capitals": ({"repositories": ["Base"]}, '"Base" is not a repository name'),
    "a concurrency of 17": ({"concurrency": 17}, "17 is not between 1 and 16"),
    "a registry of eleven digits": ({"registry_id": "12345678901"}, '"12345678901" is not a 12-digit account id'),
    "a missing that is unknown": ({"on_missing": "ignore"}, "must be one of: fail, skip"),
    "a snapshot in a device": ({"backup_dir": "/dev/null"}, "/dev/null is not a directory"),
    "a snapshot below a file": ({"backup_dir": f"{__file__}/below"}, "is not a directory"),
    "a relative folder for a snapshot": ({"backup_dir": "../backups"}, "'../backups' is not an absolute path"),
    "templates in words": ({"include_templates": "some"}, _NO_BOOL),
    "a principal that is empty": ({"principal": ""}, "principal : principal is empty"),
    "a principal of eleven digits": ({"principal": "12345670123"}, "quote account ids"),
    "a principal of another partition": ({"principal": f"arn:aws-cn:iam::{_TEAM}:root"}, "aws-cn"),
    "a principal that is a word": ({"principal": "lambda"}, "principal lambda: "),
    "a principal that is a pattern": ({"principal": f"arn:aws:iam::{_TEAM}:role/*"}, "role/*: "),
}

BACKUP_LIST_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a relative folder": ({"backup_dir": "backups"}, "'backups' is not an absolute path"),
    "a folder that is empty": ({"backup_dir": ""}, "'' is not a valid path"),
    "a registry of eleven digits": ({"registry_id": "12345678901"}, '"12345678901" is not a 12-digit account id'),
    "an option of another module": ({"repositories": ["*"]}, _UNKNOWN),
}

# None of them can be that of a file.
PATHS = {"no character": "", "a NUL": "/backups\0/20260131", "half of a character": "/backups/\ud800"}

VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt option": ({"ecr_share_prune": True}, "did you mean ecr_share_profile?"),
    "no grants": ({"ecr_share_grants": []}, "ecr_share_grants is empty: name at least one principal, there or in"),
    "a relative folder for a report": ({"ecr_share_report_dir": "./report"}, "./report is not an absolute path"),
    "a batch size in words": ({"ecr_share_batch_size": "many"}, "'many' is not a number of repositories"),
    "an octal account": (
        _team({"principals": [_TEAM]}, {"principals": ["1402433619"]}),
        "ecr_share_grants_team[1] (principal 1402433619): 1402433619 has 10 digits, an account id has 12. YAML reads",
    ),
    "a principal that is a word": (
        {"ecr_share_grants": [{"principals": ["everyone"]}]},
        "ecr_share_grants[0] (principal everyone): not a valid principal",
    ),
    "Lambda access for a role": (
        {"ecr_share_grants": [{"principals": [_ROLE], "access": [], "lambda_regions": ["us-east-1"]}]},
        f"ecr_share_grants[0] (principal {_ROLE}): Lambda access is for accounts only",
    ),
    "a misspelt key of a grant": (
        _team({"principle": _TEAM}),
        "ecr_share_grants_team.principle. Supported parameters include",
    ),
    "an unknown access": (
        _team({"principals": [_TEAM], "access": ["read"]}),
        "value of access must be one or more of: pull, push, describe",
    ),
    "a repository in capitals": ({"ecr_share_repositories": ["Base"]}, 'ecr_share_repositories: "Base" is not'),
    "a misspelt variable": ({"ecr_share_grant": []}, "is not a variable of this role; did you mean ecr_share_grants?"),
    "a variable without a name": ({"ecr_share_": 1}, "is not a variable of this role"),
    "grants of a group in capitals": ({"ecr_share_grants_A": []}, "is not a variable of this role"),
    "repositories that are a number": ({"ecr_share_repositories": 5}, "ecr_share_repositories is not a list"),
    "repositories in an object": ({"ecr_share_repositories": {"base": 1}}, "ecr_share_repositories is not a list"),
    "repositories that are null": ({"ecr_share_repositories": None}, "ecr_share_repositories is empty"),
    "a repository that is null": ({"ecr_share_repositories": [None]}, "None is not a string"),
    "a repository in a list": ({"ecr_share_repositories": [["base"]]}, "['base'] is not a string"),
    "a repository in an object": ({"ecr_share_repositories": [{"name": "base"}]}, "is not a string"),
    "a repository that is true": ({"ecr_share_repositories": [True]}, '"True" is not a repository name'),
    "regions that are a number": ({"ecr_share_regions": 5}, "ecr_share_regions is not a list"),
    "regions in an object": ({"ecr_share_regions": {"us-east-1": 1}}, "ecr_share_regions is not a list"),
    "a region that is null": ({"ecr_share_regions": ["us-east-1", None]}, "None is not the name of a region"),
    "a region that is empty": ({"ecr_share_regions": [""]}, "'' is not the name of a region"),
    "a region that is a number": ({"ecr_share_regions": [1]}, "'1' is not the name of a region"),
    "a region in a list": ({"ecr_share_regions": [["us-east-1"]]}, "['us-east-1'] is not the name of a region"),
    "a region in capitals": ({"ecr_share_regions": ["US-EAST-1"]}, "'US-EAST-1' is not the name of a region"),
    "every region": ({"ecr_share_regions": ["*"]}, "'*' is not the name of a region"),
    "a registry in a list": ({"ecr_share_registry_id": ["123456789012"]}, "ecr_share_registry_id is not a text"),
    "a registry in an object": ({"ecr_share_registry_id": {"a": 1}}, "ecr_share_registry_id is not a text"),
    "a profile in a list": ({"ecr_share_profile": ["production"]}, "ecr_share_profile is not a text"),
    "a role in an object": ({"ecr_share_assume_role_arn": {"arn": "x"}}, "ecr_share_assume_role_arn is not a text"),
    "an external id in a list": ({"ecr_share_assume_role_external_id": ["x"]}, "external_id is not a text"),
    "a relative folder for backups": ({"ecr_share_backup_dir": "backups"}, "backups is not an absolute path"),
    "grants that are null": ({"ecr_share_grants": None}, _NO_LIST),
    "grants that are a text": ({"ecr_share_grants": "everybody"}, _NO_DICT),
    "grants that are a number": ({"ecr_share_grants": 5}, _NO_DICT),
    "grants in an object": ({"ecr_share_grants": {"principals": [_TEAM]}}, _NO_LIST),
    "a grant that is null": (_team(None), _NO_DICT),
    "a grant that is an account": (_team(_TEAM), _NO_DICT),
    "a grant that is a list": (_team([]), _NO_DICT),
    "a grant to nobody": (_team({}), "missing required arguments: principals"),
    "a grant to null": (
        _team({"principals": None}),
        "argument 'principals' is of type NoneType found in 'ecr_share_grants_team'",
    ),
    "a key of a grant that is a number": (_team({5: 6}), "the key 5 of a grant is not a string"),
    "a region of a grant that is a number": (
        _team({"principals": [_TEAM], "lambda_regions": 5}),
        f'ecr_share_grants_team[0] (principal {_TEAM}): lambda_regions: "5" {_NO_REGION}',
    ),
    "a repository of a grant that is null": (
        _team({"principals": [_TEAM], "repositories": [None]}),
        f'ecr_share_grants_team[0] (principal {_TEAM}): repositories: "" is not a repository name',
    ),
    "regions of a grant in capitals": (
        _team({"principals": [_TEAM], "regions": ["US-EAST-1"]}),
        f"ecr_share_grants_team[0] (principal {_TEAM}): regions: 'US-EAST-1' is not the name of a region",
    ),
    "no regions of a grant": (
        _team({"principals": [_TEAM], "regions": []}),
        "regions is empty: leave it out to grant access in every region",
    ),
    "regions of a grant on a host that names none": (
        _team({"principals": [_TEAM], "regions": ["us-east-1"]}),
        "regions: this host has no ecr_share_regions",
    ),
    "a name of a principal that is an id": (
        {"ecr_share_principals": {"444455556666": _TEAM}},
        "444455556666: this is a principal itself and not a name for one",
    ),
    "a name of nobody": ({"ecr_share_principals": {"team": "nobody"}}, f"team: {_NOBODY}"),
    "names of principals in a list": ({"ecr_share_principals": [_TEAM]}, "is not a mapping of names to principals"),
    "principals to take out of what is present": (
        {"ecr_share_absent_principals": [_TEAM]},
        "ecr_share_absent_principals requires ecr_share_state: absent",
    ),
    "a whole account that is present": (
        {"ecr_share_whole_account": True},
        "ecr_share_whole_account requires ecr_share_state: absent",
    ),
    "a template that was never filled in": ({"ecr_share_grants_team": "{{ grants }}"}, _NO_DICT),
}

_NAMES = {"ecr_share_principals": {"checkout": _TEAM}}
_EMPTY_LIST = "is empty: name at least one principal"
# Of each: the entry point of the role, variables that do not go together, and the problem or how it begins.
JOBS: dict[str, tuple[str, dict[str, Any], str]] = {
    "absent without principals": ("share", {"ecr_share_state": "absent"}, f"ecr_share_absent_principals {_EMPTY_LIST}"),
    "offboarding nobody": ("offboard", {}, f"ecr_share_offboard {_EMPTY_LIST}"),
    "offboarding an empty list": ("offboard", {"ecr_share_offboard": []}, f"ecr_share_offboard {_EMPTY_LIST}"),
    "offboarding an empty text": ("offboard", {"ecr_share_offboard": ""}, f"ecr_share_offboard {_EMPTY_LIST}"),
    "offboarding an empty text among others": (
        "offboard",
        {"ecr_share_offboard": [_TEAM, ""]},
        f"ecr_share_offboard[1]: {_EMPTY}",
    ),
    "offboarding what is neither a principal nor a name": (
        "offboard",
        {**_NAMES, "ecr_share_offboard": ["chekout"]},
        f"ecr_share_offboard[0] (principal chekout): {_NOBODY}",
    ),
    "offboarding everybody": (
        "offboard",
        {"ecr_share_offboard": ["*"]},
        f"ecr_share_offboard[0] (principal *): {_WILDCARD}",
    ),
    "a name with two meanings": (
        "share",
        {**_NAMES, "ecr_share_principals_x": {"checkout": "444455556666"}},
        f"ecr_share_principals_x: checkout is 444455556666, and ecr_share_principals says {_TEAM}",
    ),
    "a grant to what is neither a principal nor a name": (
        "share",
        {**_NAMES, **_team({"principals": ["chekout"]})},
        f"ecr_share_grants_team[0] (principal chekout): {_NOBODY}",
    ),
    "nowhere to save a snapshot": ("snapshot", {}, "ecr_share_backup_dir is empty: snapshot needs it"),
    "nowhere to adopt to": ("adopt", {}, "ecr_share_adopt_dir is empty: adopt needs it"),
    "nothing to restore": ("restore", {}, "ecr_share_backup_path is empty: restore needs it"),
}

# Of each: repositories, tags, and how the problem begins.
FILTERS: dict[str, tuple[Any, Any, str]] = {
    "no repositories": ([], {}, "repositories is empty"),
    "a repository that is null": ([None], {}, "repositories: None is not a string"),
    "a repository that is a number": ([5], {}, "repositories: 5 is not a string"),
    "a repository in a list": ([["base"]], {}, "repositories: ['base'] is not a string"),
    "a repository in capitals": (["Base"], {}, 'repositories: "Base" is not a repository name'),
    "half of a character": (["base\ud800"], {}, 'repositories: "base'),
    "a key that is null": (["*"], {None: "x"}, "tags: the key None is not a string"),
    "a key that is a number": (["*"], {5: "x"}, "tags: the key 5 is not a string"),
    "a key that is true": (["*"], {True: "x"}, "tags: the key True is not a string"),
    "a value that is a number": (["*"], {"team": 5}, "tags[team]: 5 is not a string"),
    "a value that is false": (["*"], {"team": False}, "tags[team]: False is not a string"),
    "a value in an object": (["*"], {"team": {"name": "a"}}, "tags[team]: {'name': 'a'} is not a string"),
    "null among values": (["*"], {"team": ["a", None]}, "tags[team]: None is not a string"),
    "a list among values": (["*"], {"team": ["a", ["b"]]}, "tags[team]: ['b'] is not a string"),
    "no values": (["*"], {"team": []}, "tags[team] is empty"),
}

_EITHER = "name either a principal or the sid of a statement"
_NO_DAY = "is not a day such as 2026-12-31"
# Changes to an exception for a team with a reason: None takes a member away.
EXCEPTIONS: dict[str, tuple[Any, str]] = {
    "a text": ("111122223333", "is not an exception with kinds, principal, reason"),
    "a list": ([], "is not an exception with kinds, principal, reason"),
    "a member that there is not": ({"expires": "2026-12-31"}, "expires is not a part of an exception"),
    "no reason": ({"reason": None}, "reason is empty: say why it is accepted"),
    "a blank reason": ({"reason": " \n"}, "reason is empty"),
    "a number as reason": ({"reason": 5}, "reason is empty"),
    "neither principal nor sid": ({"principal": None}, _EITHER),
    "both": ({"sid": "Old"}, f"{_EITHER}, and not both"),
    "an empty sid": ({"principal": None, "sid": ""}, 'sid: "" is not the Sid of a statement'),
    "a number as sid": ({"principal": None, "sid": 5}, "sid: 5 is not the Sid of a statement"),
    "an unknown name": ({"principal": "checkout-prod"}, "checkout-prod: is no name of ecr_share_principals, and "),
    "a short account": ({"principal": 12345}, "12345 has 5 digits, an account id has 12"),
    "a list of principals": ({"principal": [_TEAM]}, "is not the name or the id of a principal"),
    "true as principal": ({"principal": True}, "principal: True is not the name or the id of a principal"),
    "a bad pattern": ({"repositories": ["Base/*"]}, f'repositories: "Base/*" {_NO_NAME}'),
    "no repositories": ({"repositories": []}, "repositories is empty: leave it out for all"),
    "an object of repositories": ({"repositories": {"base": 1}}, "repositories is not a list"),
    "an unknown kind": (
        {"kinds": ["undeclared", "open"]},
        'kinds: "open" is none of those that can be accepted: public',
    ),
    "what nobody can know": ({"kinds": ["unread"]}, 'kinds: "unread" is none of those that can be accepted'),
    "an exception to exceptions": ({"kinds": "exception"}, 'kinds: "exception" is none of'),
    "no kinds": ({"kinds": []}, "kinds is empty"),
    "true as registry": ({"registries": [True]}, "registries: True is neither the id of an account nor"),
    "a 40th day": ({"until": "2026-13-40"}, f'until: "2026-13-40" {_NO_DAY}'),
    "a number as day": ({"until": 5}, f"until: 5 {_NO_DAY}"),
    "a time": ({"until": datetime(2026, 12, 31, 12, 0, tzinfo=UTC)}, _NO_DAY),
    "the text of a time": ({"until": "2026-12-31T00:00:00"}, _NO_DAY),
    "a week": ({"until": "2026-W53"}, _NO_DAY),
    "a day without hyphens": ({"until": "20261231"}, _NO_DAY),
    "a day in strange digits": ({"until": "202\u0666-12-31"}, _NO_DAY),
    "no day": ({"until": ""}, _NO_DAY),
}
