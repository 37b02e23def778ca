//! Parses bytes into a JSON value, and refuses what lenient parsers accept.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::pointer::{Step, render};
use crate::http::problem::{FieldError, Problem, ProblemCode};

/// Deepest nesting; the outermost value is level 1.
const MAX_DEPTH: usize = 32;
/// Most errors of one response.
pub(super) const MAX_ERRORS: usize = 16;

pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        let detail = "The body is empty; send a JSON object.";
        let error = FieldError::new("", "empty", detail);
        return Err(Problem::new(ProblemCode::InvalidJson).with_detail(detail).with_error(error));
    }
    let findings = RefCell::new(Findings::default());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Seed(&findings)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    let findings = findings.into_inner();
    match parsed {
        // serde_json's message is not repeated: it may contain input.
        Err(error) => {
            let fault = findings.fault.or_else(|| is_out_of_range(&error).then_some(Fault::OutOfRange));
            Err(fault.map_or_else(malformed, |fault| fault.problem(&findings.path)))
        }
        Ok(_) if !findings.control_characters.is_empty() => Err(Problem::validation(findings.control_characters)),
        Ok(value) => Ok(value),
    }
}

/// Whether a number such as `1e400` is too large for the parser. Its error has no kind to ask for.
fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

/// Where the text breaks off is not said: the position would be one of bytes, not of a field.
fn malformed() -> Problem {
    let error = FieldError::new("", "malformed", "The body is not one JSON value in UTF-8.");
    Problem::new(ProblemCode::InvalidJson).with_error(error)
}

/// What the parser has found.
#[derive(Default)]
struct Findings {
    path: Vec<Step>,
    fault: Option<Fault>,
    control_characters: Vec<FieldError>,
}

/// Why parsing stops although the bytes may be JSON.
enum Fault {
    DuplicateKey,
    TooDeep,
    OutOfRange,
}

impl Fault {
    fn problem(self, path: &[Step]) -> Problem {
        let (code, detail) = match self {
            Self::DuplicateKey => ("duplicate_key", "The same key is given more than once."),
            Self::TooDeep => ("too_deep", "The value is nested deeper than 32 levels."),
            Self::OutOfRange => ("out_of_range", "The number is larger than a 64-bit floating point number can be."),
        };
        Problem::new(ProblemCode::InvalidJson).with_detail(detail).with_error(FieldError::new(
            render(path),
            code,
            detail,
        ))
    }
}

impl Findings {
    fn check_control_characters(&mut self, text: &str) {
        if self.control_characters.len() < MAX_ERRORS && text.chars().any(char::is_control) {
            let detail = "Control characters are not allowed.";
            self.control_characters
                .push(FieldError::new(render(&self.path), "control_character", detail));
        }
    }
}

/// Parses one value. All values of a body share the findings.
struct Seed<'a>(&'a RefCell<Findings>);

impl Seed<'_> {
    /// Descend. After an error there is no `leave`, so that the path stays where the error is.
    fn enter(&self, step: Step) {
        self.0.borrow_mut().path.push(step);
    }

    fn leave(&self) {
        self.0.borrow_mut().path.pop();
    }

    fn fail<T, E: serde::de::Error>(&self, fault: Fault) -> Result<T, E> {
        self.0.borrow_mut().fault = Some(fault);
        Err(E::custom("refused"))
    }

    fn too_deep(&self) -> bool {
        self.0.borrow().path.len() >= MAX_DEPTH
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        self.0.borrow_mut().check_control_characters(value);
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if self.too_deep() {
            return self.fail(Fault::TooDeep);
        }
        let mut items = Vec::new();
        self.enter(Step::Index(0));
        while let Some(item) = access.next_element_seed(Seed(self.0))? {
            items.push(item);
            self.leave();
            self.enter(Step::Index(items.len()));
        }
        self.leave();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if self.too_deep() {
            return self.fail(Fault::TooDeep);
        }
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.0.borrow_mut().check_control_characters(&name);
            if fields.contains_key(&name) {
                self.enter(Step::Field(name));
                return self.fail(Fault::DuplicateKey);
            }
            self.enter(Step::Field(name.clone()));
            let value = access.next_value_seed(Seed(self.0))?;
            self.leave();
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}
