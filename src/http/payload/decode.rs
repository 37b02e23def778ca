//! Decodes a JSON value into a type: without unknown fields or coercion, and with every error at
//! its field.

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pointer::{Step, render};
use super::tree::MAX_ERRORS;
use crate::http::problem::{FieldError, Problem};
use error::{Kind, Mismatch};
use node::{Context, Node};

mod error;
mod node;

/// Decode a `T`, or report every field that is wrong.
pub(super) fn decode<T: Type + DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    let mut context = Context::default();
    let first = T::deserialize(Node::root(value, &context));
    let mut mismatch = match first {
        Ok(decoded) if context.unknown.borrow().is_empty() => return Ok(decoded),
        Ok(_) => None,
        Err(mismatch) => Some(mismatch),
    };
    // serde stops at the first error. Hiding that field and decoding again finds the next one: only
    // refused requests pay for it, and a body is small.
    let mut errors = Vec::new();
    while let Some(found) = mismatch.take() {
        if errors.len() >= MAX_ERRORS || report::<T>(value, found, &mut context, &mut errors) == Next::Stop {
            break;
        }
        mismatch = T::deserialize(Node::root(value, &context)).err();
    }
    let mut all = context.unknown.take();
    all.extend(errors);
    all.truncate(MAX_ERRORS);
    Err(Problem::validation(all))
}

/// Whether decoding again can find another error.
#[derive(PartialEq, Eq)]
enum Next {
    Again,
    Stop,
}

fn report<T: Type>(value: &Value, found: Mismatch, context: &mut Context, errors: &mut Vec<FieldError>) -> Next {
    let Mismatch { path, kind } = found;
    let path = path.unwrap_or_default();
    match kind {
        Kind::Required(name) => {
            report_missing::<T>(value, &path, name, context, errors);
            Next::Stop
        }
        kind => {
            let pointer = render(&path);
            errors.push(FieldError::new(pointer, kind.code(), kind.detail()));
            match path.last() {
                Some(Step::Field(_)) => {
                    context.hidden.push(path);
                    Next::Again
                }
                // Hiding an element of an array would shift the elements after it.
                Some(Step::Index(_)) | None => Next::Stop,
            }
        }
    }
}

/// Report `name` as missing; at the top of the body, also every other required field of the schema.
fn report_missing<T: Type>(
    value: &Value,
    path: &[Step],
    name: &'static str,
    context: &Context,
    errors: &mut Vec<FieldError>,
) {
    let mut missing = vec![name];
    if path.is_empty() {
        missing.extend(required_fields::<T>().into_iter().filter(|other| *other != name));
    }
    for name in missing {
        let mut steps = path.to_vec();
        steps.push(Step::Field(name.to_owned()));
        let given = path.is_empty() && value.get(name).is_some();
        if !given && !context.hidden.contains(&steps) {
            errors.push(FieldError::new(render(&steps), "required", "The field is required."));
        }
    }
}

fn required_fields<T: Type>() -> Vec<&'static str> {
    match T::schema_ref() {
        MetaSchemaRef::Inline(schema) => schema.required,
        MetaSchemaRef::Reference(name) => {
            let mut registry = Registry::new();
            T::register(&mut registry);
            registry.schemas.remove(&name).map(|schema| schema.required).unwrap_or_default()
        }
    }
}
