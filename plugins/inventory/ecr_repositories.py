# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ecr_repositories
short_description: List ECR repositories as hosts
version_added: 1.0.0
description:
  - Lists the private ECR repositories of one or more registries, each as a host, so that group and host variables can
    say with whom it is shared.
  - The name of a host is the URI of the repository, such as
    C(123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python), which is unique in all accounts and regions.
  - All hosts are in the group C(ecr_repositories), and in those that O(groups) and O(keyed_groups) make.
  - The file that holds the options must have a name that ends in C(ecr_repositories.yml) or C(ecr_repositories.yaml).
  - "Host variables: C(ecr_repository_name), C(ecr_repository_arn), C(ecr_repository_uri), C(ecr_registry_id) (the
    12-digit id of the account), C(ecr_region), C(ecr_tags) (a dictionary), C(ecr_created_at) (in UTC, such as
    C(2026-01-31T12:00:00Z)), C(ecr_image_tag_mutability) (V(MUTABLE), V(IMMUTABLE) and so on), and with O(profiles)
    also C(ecr_profile)."
  - Keys and values of tags are never changed, and never taken for templates.
  - If one registry cannot be listed, none is, and the message names it. Ansible makes a failed inventory a warning,
    unless its setting C(any_unparsed_is_failed) is on.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [imageshare.aws.ecr_repositories]
  regions:
    description:
      - The regions whose registries are listed.
      - If left out, it is O(region), or else the region that boto3 finds in its settings, such as those of the profile.
    type: list
    elements: str
    default: []
  profiles:
    description:
      - Names of AWS profiles, one for each account. The registries of all O(regions) are listed with each of them.
      - If two profiles lead to the same registry, its repositories are listed once, with the first of them, and there
        is a warning.
      - Not together with O(profile), O(access_key), O(secret_key), O(session_token) or O(assume_role_arn) in the same
        file. A profile can name a role to assume by itself.
    type: list
    elements: str
    default: []
  repositories:
    description:
      - Which repositories are listed, by name (C(base/python)) or by shell pattern (C(services/*)), in which C(*)
        crosses C(/). If left out, all are.
      - There is a warning if one of them matches no repository of any registry.
    type: list
    elements: str
    default: ["*"]
  tags:
    description:
      - Lists only the repositories that have all of these tags. The value of each key is the value that the tag must
        have, or a list of which it must have one, or null if any will do.
      - Keys and values are compared to the letter. Quote values that YAML takes for numbers or booleans.
    type: dict
    default: {}
notes:
  - "The IAM actions needed are C(ecr:DescribeRepositories) and C(tag:GetResources), both on C(*); and with
    O(assume_role_arn), or a profile that names a role, C(sts:AssumeRole) on that role."
  - Tags are listed a hundred repositories a call. Where that is refused, each repository is asked for its tags, which
    needs C(ecr:ListTagsForResource), and there is a warning. If that is refused as well, the registry cannot be listed.
  - The cache holds whole registries. O(repositories), O(tags), O(compose), O(groups) and O(keyed_groups) are applied
    to what is cached, and may change. With other regions, profiles or credentials, AWS is asked anew.
  - Whoever may tag repositories decides which groups O(keyed_groups) make. Give them a O(keyed_groups[].prefix) that no
    other group has.
seealso:
  - module: imageshare.aws.ecr_share_policy
author:
  - imageshare.aws contributors (@imageshare)
extends_documentation_fragment:
  - imageshare.aws._connection.inventory
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
"""

EXAMPLES = r"""
---
# All repositories of one registry.
plugin: imageshare.aws.ecr_repositories
regions:
  - us-east-1
---
# The base images of two accounts in two regions, in groups such as ecr_region_us_east_1 and ecr_team_platform.
plugin: imageshare.aws.ecr_repositories
profiles:
  - images
  - images-staging
regions:
  - us-east-1
  - eu-west-1
repositories:
  - base/*
keyed_groups:
  - key: ecr_region
    prefix: ecr_region
  - key: ecr_tags.team
    prefix: ecr_team
---
# Whatever is tagged for sharing and belongs to one of two teams; what is tagged as internal is in a group of its own.
plugin: imageshare.aws.ecr_repositories
regions:
  - us-east-1
tags:
  share: "yes"
  team:
    - platform
    - payments
  owner: null
groups:
  internal: ecr_tags.visibility | default("") == "internal"
compose:
  ansible_connection: "'local'"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ecr_repositories
cache_timeout: 600
"""

from collections.abc import Mapping
from hashlib import sha256
from json import dumps
from typing import Any, NoReturn

from ansible_collections.imageshare.aws.plugins.plugin_utils._old_core import refuse_old_core

refuse_old_core()

from ansible.errors import AnsibleError, AnsibleParserError
from ansible_collections.amazon.aws.plugins.plugin_utils.inventory import AWSInventoryBase
from ansible_collections.imageshare.aws.plugins.module_utils._aws.errors import AWS_ERRORS
from ansible_collections.imageshare.aws.plugins.module_utils._aws.registry import connect_with_tags
from ansible_collections.imageshare.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.imageshare.aws.plugins.module_utils._iam.arns import is_region
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.filters import Filter, read_filter
from ansible_collections.imageshare.aws.plugins.module_utils._inventory.listing import (
    CONCURRENCY,
    ListingError,
    Repository,
    Source,
    label_of,
    list_registries,
)
from ansible_collections.imageshare.aws.plugins.module_utils._text import message as visible_message
from ansible_collections.imageshare.aws.plugins.module_utils._text import words

GROUP = "ecr_repositories"
CREDENTIALS = ("profile", "access_key", "secret_key", "session_token", "assume_role_arn")
# Of the arguments of a boto3 client: a profile's credentials must not yield to those of the environment.
NO_KEYS = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"))
# With another value of one of these, another registry may be meant.
DECIDE_THE_SOURCE = ("regions", "profiles", "profile", "access_key", "assume_role_arn", "endpoint_url")


class InventoryModule(AWSInventoryBase):
    NAME = "imageshare.aws.ecr_repositories"
    INVENTORY_FILE_SUFFIXES = ("ecr_repositories.yml", "ecr_repositories.yaml")

    class TemplatedOptions(AWSInventoryBase.TemplatedOptions):
        TEMPLATABLE_OPTIONS = (
            *AWSInventoryBase.TemplatedOptions.TEMPLATABLE_OPTIONS,
            "profiles",
            "repositories",
            "tags",
        )

        def get(self, option: str, *default: Any) -> Any:
            value = self.original_options.get(option, *default)
            return self.templar.template(value) if option in self.TEMPLATABLE_OPTIONS else value

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache=cache)
        try:
            wanted = read_filter(self.get_option("repositories"), self.get_option("tags"))
        except InvalidInputError as error:
            self._do_fail(". ".join(error.problems))
        known, cached = self.get_cached_result(path, cache)
        if not known:
            cached = {"repositories": self._ask_aws()}
            self.update_cached_result(path, cache, cached)
        self._populate(cached["repositories"], wanted)

    def get_cache_key(self, path: str) -> str:
        source = dumps([self.region, *(self.get_option(name) for name in DECIDE_THE_SOURCE)])
        return f"{super().get_cache_key(path)}_{sha256(source.encode()).hexdigest()[:12]}"

    def _read_config_data(self, path: str) -> Mapping[str, Any]:
        config: Mapping[str, Any] = super()._read_config_data(path)
        names = {
            name: option
            for option, definition in self.option_definitions.items()
            for name in (option, *definition.get("aliases", ()))
        }
        # Ansible overlooks what it does not know: a misspelt filter would let everything through.
        unknown = [str(name) for name in config if name not in names]
        if unknown:
            self._do_fail(f"There is no option {words(unknown)}. See ansible-doc --type inventory {self.NAME}")
        given = {names[name] for name in config}
        excess = [name for name in CREDENTIALS if name in given]
        if "profiles" in given and excess:
            self._do_fail(f"profiles cannot go together with {', '.join(excess)}: name one way to the credentials")
        for region in self.get_option("regions"):
            if not is_region(region):
                self._do_fail(f"regions: {region!r} is not the name of a region, such as us-east-1")
        for profile in self.get_option("profiles"):
            if not (isinstance(profile, str) and profile):
                self._do_fail(f"profiles: {profile!r} is not the name of a profile; quote it if it is a number")
        return config

    def _set_frozen_credentials(self) -> None:
        """Nothing yet: what is cached needs no role. See _ask_aws."""

    def _do_fail(self, message: str) -> NoReturn:
        raise AnsibleParserError(visible_message(message))

    def warn(self, message: str) -> None:
        super().warn(visible_message(message))

    def _ask_aws(self) -> list[Repository]:
        try:
            super()._set_frozen_credentials()
        except AWS_ERRORS as error:
            self.fail_aws(f"could not assume the role {self.get_option('assume_role_arn')}", error)
        sources = [
            self._source(profile, region)
            for profile in dict.fromkeys(self.get_option("profiles") or [None])
            for region in dict.fromkeys(self.get_option("regions") or [self.get_option("region")])
        ]
        try:
            listing = list_registries(sources)
        except ListingError as error:
            self._do_fail(str(error))
        for warning in listing.warnings:
            self.warn(warning)
        return list(listing.repositories)

    def _source(self, profile: str | None, region: str | None) -> Source:
        place: dict[str, str | None] = {"region": region} if region else {}
        if profile:
            # Without a region, boto3 looks for the one of this profile, and not of the default one.
            place = {"region": region, "profile_name": profile, **NO_KEYS}
        try:
            return Source(
                profile,
                connect_with_tags(
                    lambda service, config: self.client(service, config=config, **place), concurrency=CONCURRENCY
                ),
            )
        except AnsibleError as error:
            self._do_fail(f"{label_of(profile, region)}: {error}")

    def _populate(self, repositories: list[Repository], wanted: Filter) -> None:
        for text in wanted.unmatched(repository["ecr_repository_name"] for repository in repositories):
            if text != "*":
                self.warn(f'repositories: "{text}" matches no repository')
        self.inventory.add_group(GROUP)
        strict = self.get_option("strict")
        for repository in repositories:
            if not wanted.matches(repository["ecr_repository_name"], repository["ecr_tags"]):
                continue
            host = repository["ecr_repository_uri"]
            self.inventory.add_host(host, group=GROUP)
            for name, value in repository.items():
                self.inventory.set_variable(host, name, value)
            variables = dict(repository)
            self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)
