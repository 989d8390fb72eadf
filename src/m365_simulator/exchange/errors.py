"""How Exchange says no: the envelope of a failed cmdlet, and the failures that an offboarding meets."""

from __future__ import annotations

import hashlib
from typing import Any

INTERNAL = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"
TASKS = "Microsoft.Exchange.Configuration.Tasks."
MANAGEMENT = "Microsoft.Exchange.Management.Tasks."
STORE = "Microsoft.Exchange.Management.StoreTasks."
AUTOMATION = "System.Management.Automation."


class CmdletError(Exception):
    """A cmdlet that was run and refused, with the words that Exchange puts into the envelope."""

    def __init__(self, type_name: str, text: str, *, status: int = 400, code: str = "", number: bool = True) -> None:
        super().__init__(text)
        self.type_name = type_name
        self.text = text
        self.status = status
        self.code = code or CODES.get(status, "BadRequest")
        self.number = f"Ex{hashlib.sha256(type_name.encode()).hexdigest()[:6].upper()}" if number else ""

    def body(self, warnings: list[str]) -> dict[str, Any]:
        """The answer's JSON; what happened stands in the details, `message` says the same for all."""
        said = f"{self.number}|{self.type_name}|{self.text}"
        return {
            "error": {
                "code": self.code,
                "message": "Error executing cmdlet",
                "details": [{"code": "Context", "target": "", "message": said}],
                "innererror": {
                    "message": "Error executing cmdlet",
                    "type": INTERNAL,
                    "stacktrace": "   at Microsoft.Exchange.Admin.OData.Core.CmdletExecutor.Execute()",
                    "internalexception": {"message": said, "type": self.type_name, "stacktrace": ""},
                },
            },
            "@adminapi.warnings": warnings,
        }


CODES = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 500: "InternalServerError"}


def not_found(identity: str) -> CmdletError:
    """No such object."""
    return CmdletError(
        f"{TASKS}ManagementObjectNotFoundException",
        f"The operation couldn't be performed because object '{identity}' couldn't be found on "
        "'AM0PR01A001DC01.EURPR01A001.PROD.OUTLOOK.COM'.",
        status=404,
    )


def ambiguous(identity: str) -> CmdletError:
    """Several objects have this name."""
    return CmdletError(
        f"{TASKS}ManagementObjectAmbiguousException",
        f"The operation couldn't be performed because '{identity}' matches multiple entries.",
    )


def no_object(identity: str) -> CmdletError:
    """A value names a recipient that is not there."""
    return CmdletError(
        f"{MANAGEMENT}RecipientTaskException",
        f'Couldn\'t find object "{identity}". Please make sure that it was spelled correctly or specify a different '
        "object.",
        number=False,
    )


def on_premises(cmdlet: str, parameter: str, name: str) -> CmdletError:
    """The object is mastered in an on-premises directory."""
    return CmdletError(
        "System.InvalidOperationException",
        f"The operation on mailbox \"{name}\" failed because it's out of the current user's write scope. "
        f"The action '{cmdlet}', '{parameter}', can't be performed on the object '{name}' because the object is being "
        "synchronized from your on-premises organization. This action should be performed on the object in your "
        "on-premises organization.",
        number=False,
    )


def no_entry(user: str) -> CmdletError:
    """A folder that has no permission for this user."""
    return CmdletError(
        f"{STORE}UserNotFoundInPermissionEntryException",
        f"There is no existing permission entry found for user: {user}.",
        code="BadRequest",
    )


def external_user(user: str) -> CmdletError:
    """A folder permission for a principal that cannot be resolved."""
    return CmdletError(
        f"{STORE}InvalidExternalUserIdException",
        f'The user "{user}" is either not valid SMTP address, or there is no matching information.',
    )


def not_allowed(what: str) -> CmdletError:
    """A cmdlet or parameter outside the roles of the app: as if it did not exist."""
    return CmdletError(
        f"{AUTOMATION}CommandNotFoundException",
        f"{what} is not present in the role definition of the current user.",
        status=403,
    )


def parameter_set() -> CmdletError:
    """Parameters that no set of the cmdlet holds together, unknown ones among them."""
    return CmdletError(
        "Microsoft.Exchange.Admin.OData.Core.AmbiguousParameterSetException",
        "Parameter set cannot be resolved using the specified named parameters.",
    )


def missing(names: list[str]) -> CmdletError:
    """A mandatory parameter was not given."""
    return CmdletError(
        f"{AUTOMATION}ParameterBindingException",
        f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}.",
    )


def is_null(name: str) -> CmdletError:
    """A mandatory parameter was given as null or as an empty text."""
    return CmdletError(
        f"{AUTOMATION}ParameterBindingValidationException",
        f"Cannot validate argument on parameter '{name}'. The argument is null or empty.",
    )


def transformation(parameter: str, value: object, kind: str, valid: tuple[str, ...] = ()) -> CmdletError:
    """A value that does not fit the type of its parameter."""
    hint = (
        f"Unable to match the identifier name {value} to a valid enumerator name. Specify one of the following "
        f"enumerator names and try again: {', '.join(valid)}"
        if valid
        else "The value isn't of the expected type."
    )
    return CmdletError(
        "Microsoft.Exchange.Admin.OData.Core.ParameterTransformationException",
        f"Cannot process argument transformation on parameter '{parameter}'. Cannot convert value \"{value}\" to type "
        f'"{kind}". Error: "{hint}"',
    )
