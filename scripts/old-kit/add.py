"""Adds to a copy of the crate watchword-events what a minor release may add: an event, a field, a value of an
enumeration and a type of actor. Usage: add.py <directory of the crate>."""

import pathlib
import sys

source = pathlib.Path(sys.argv[1]) / "src"


def add(file, *places):
    path = source / file
    text = path.read_text()
    for behind, addition in places:
        if text.count(behind) != 1:
            sys.exit(f"{file} does not have exactly one {behind!r}")
        text = text.replace(behind, behind + addition)
    path.write_text(text)


add("event.rs", ("pub enum ActorType {\n", '/// A robot.\nRobot = "robot",\n'))
add(
    "catalogue.rs",
    (
        "\ncatalogue! {\n",
        'Teleported "auth.user.teleported" "teleported" v 1 known_user, "A user moved without crossing the space.";\n',
    ),
)
add("pii.rs", ("            Self::LoggedOut(_)", " | Self::Teleported(_)"))
add("payload/mod.rs", ("pub use self::sessions::{\n", "Teleported,\n"))
add(
    "payload/sessions.rs",
    (
        "pub struct LoggedIn {\n",
        '/// The region.\n#[serde(default, skip_serializing_if = "Option::is_none")]\npub region: Option<String>,\n',
    ),
    ("pub enum LoginMethod {\n", '/// With a passkey.\nPasskey = "passkey",\n'),
    (
        "use crate::timestamp::{self, Timestamp};\n",
        """
/// A user moved without crossing the space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Teleported {
    /// Where to.
    pub destination: String,
}
""",
    ),
)
add(
    "example/sessions.rs",
    ("use crate::payload::{\n", "Teleported,\n"),
    (
        "impl Example for LoggedIn {\n",
        "fn actor() -> Option<crate::Actor> {\n"
        "    Some(crate::Actor { kind: crate::ActorType::Robot, id: None })\n"
        "}\n",
    ),
    ('            email: Some("ada@example.com".to_owned()),\n', '            region: Some("eu".to_owned()),\n'),
    (
        "pub(super) const IDLE_EXPIRES_AT: OffsetDateTime = datetime!(2026-11-29 12:00:00 UTC);\n",
        "impl Example for Teleported {\n"
        "    const USER_SEQ: i64 = 30;\n"
        "    fn example() -> Self {\n"
        '        Self { destination: "Ghent".to_owned() }\n'
        "    }\n"
        "}\n",
    ),
)
path = source / "example/sessions.rs"
path.write_text(path.read_text().replace("method: LoginMethod::Password", "method: LoginMethod::Passkey"))
