"""`manage.py bootstrap`: an enterprise with its owner, for scripts and machines without a browser."""

import json
import sys
from typing import TypedDict, Unpack

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.core.validators import validate_email
from django.db import connection, transaction

from licensesync.config.management.enterprise import is_prepared, refuse_tables_of_newer_version
from licensesync.enterprises.models import MOST_LICENSES, Enterprise, LicenseModel, Role, Scope, validate_slug
from licensesync.enterprises.queries import members
from licensesync.enterprises.services import Settings, add_member, change_role, create_enterprise, update_enterprise
from licensesync.enterprises.tokens import create_api_token
from licensesync.users.links import absolute_in_command
from licensesync.users.models import User
from licensesync.users.queries import by_email
from licensesync.users.services import create_user, password_link_path, set_password

TOKEN_SCOPES = [Scope.READ.value, Scope.WRITE_USAGE.value]


class Wanted(TypedDict):
    """The words of the command line. None: not said, so what is there stays."""

    enterprise: str
    name: str | None
    seats: int | None
    visual_studio_seats: int | None
    metered: bool
    owner: str
    password_stdin: bool
    token: bool
    scope: list[str] | None


class Command(BaseCommand):
    help = "Ensure an enterprise and its owner, and print them as JSON. Run again, it changes only what is said anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--enterprise", required=True, metavar="SLUG", help="its short name, as in addresses")
        parser.add_argument("--name", help="its name (when new: the short name)")
        parser.add_argument("--seats", type=int, metavar="N", help="purchased Enterprise licenses")
        parser.add_argument("--visual-studio-seats", type=int, metavar="N", help="purchased Visual Studio licenses")
        parser.add_argument("--metered", action="store_true", help="usage-based billing: no seats are purchased")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="becomes a user, and an owner of it")
        parser.add_argument("--password-stdin", action="store_true", help="the owner's password is on standard input")
        parser.add_argument("--token", action="store_true", help="make a new API token of the owner")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help=f"what that token may do, once for each (without it: {', '.join(TOKEN_SCOPES)})",
        )

    def handle(self, *_: object, **wanted: Unpack[Wanted]) -> None:
        check(wanted)
        if not is_prepared():
            call_command("migrate", interactive=False, verbosity=0)
        refuse_tables_of_newer_version(connection)
        password = sys.stdin.readline().rstrip("\r\n") if wanted["password_stdin"] else None
        with transaction.atomic():
            owner = ensure_owner(wanted["owner"], password)
            enterprise = ensure_enterprise(wanted, owner)
            ensure_membership(enterprise, owner)
            token = None
            if wanted["token"]:
                _row, token = create_api_token(
                    enterprise=enterprise, owner=owner, name="bootstrap", scopes=wanted["scope"] or TOKEN_SCOPES
                )
            link = None if owner.has_usable_password() else password_link_path(user=owner)
        result = {
            "enterprise": enterprise.slug,
            "name": enterprise.name,
            "license_model": enterprise.license_model,
            "seats": enterprise.enterprise_licenses,
            "visual_studio_seats": enterprise.visual_studio_licenses,
            "owner": owner.email,
            "password_link": link and absolute_in_command(link),
            "token": token,
        }
        self.stdout.write(json.dumps(result, ensure_ascii=False))


def check(wanted: Wanted) -> None:
    """Everything that can be known to be wrong before anything is written."""
    seats = [number for number in (wanted["seats"], wanted["visual_studio_seats"]) if number is not None]
    if any(not 0 <= number <= MOST_LICENSES for number in seats):
        raise CommandError("Seats can't be negative, nor more than there are people.")
    if wanted["scope"] and not wanted["token"]:
        raise CommandError("--scope says what the token of --token may do: add --token.")
    if wanted["metered"] and seats:
        raise CommandError("With --metered nothing is purchased ahead: leave out the seats.")
    if wanted["name"] is not None and not 0 < len(wanted["name"].strip()) <= 200:
        raise CommandError("--name needs 1 to 200 characters.")
    try:
        validate_slug(wanted["enterprise"])
    except ValidationError as error:
        raise CommandError(f"--enterprise: {error.messages[0]}") from None
    try:
        validate_email(wanted["owner"])
    except ValidationError as error:
        raise CommandError(f"--owner: {error.messages[0]}") from None


def ensure_owner(email: str, password: str | None) -> User:
    """The first user of an installation is its operator, as whoever sets it up in the browser is."""
    owner = by_email(email)
    if password is not None:
        try:
            validate_password(password, owner or User(email=email))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
    if owner is None:
        return create_user(email=email, password=password, is_operator=not User.objects.exists())
    if password is not None and not owner.check_password(password):
        set_password(user=owner, password=password)
    return owner


def ensure_enterprise(wanted: Wanted, owner: User) -> Enterprise:
    enterprise = Enterprise.objects.filter(slug=wanted["enterprise"]).first()
    if enterprise is None:
        return create_enterprise(
            owner=owner,
            slug=wanted["enterprise"],
            name=(wanted["name"] or wanted["enterprise"]).strip(),
            license_model=LicenseModel.METERED if wanted["metered"] else LicenseModel.VOLUME,
            enterprise_licenses=wanted["seats"] or 0,
            visual_studio_licenses=wanted["visual_studio_seats"] or 0,
        )
    said: Settings = {}
    if wanted["name"]:
        said["name"] = wanted["name"]
    if wanted["metered"]:
        said |= {"license_model": LicenseModel.METERED, "enterprise_licenses": 0, "visual_studio_licenses": 0}
    if wanted["seats"] is not None:
        said |= {"license_model": LicenseModel.VOLUME, "enterprise_licenses": wanted["seats"]}
    if wanted["visual_studio_seats"] is not None:
        said |= {"license_model": LicenseModel.VOLUME, "visual_studio_licenses": wanted["visual_studio_seats"]}
    update_enterprise(enterprise, **said)
    return enterprise


def ensure_membership(enterprise: Enterprise, owner: User) -> None:
    membership = members(enterprise).filter(user=owner).first()
    if membership is None:
        add_member(enterprise=enterprise, user=owner, role=Role.OWNER)
    elif membership.role != Role.OWNER:
        change_role(membership=membership, role=Role.OWNER)
