//! The deserializer: a JSON value and its path in the body.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Value, map, value::Number};

use super::error::{Kind, Mismatch};
use crate::http::payload::patch::NULLABLE;
use crate::http::payload::pointer::{Step, render};
use crate::http::payload::tree::MAX_ERRORS;
use crate::http::problem::FieldError;

/// What all nodes of a body share.
#[derive(Default)]
pub(super) struct Context {
    /// Errors of unknown fields.
    pub(super) unknown: RefCell<Vec<FieldError>>,
    /// Fields that were reported and are skipped.
    pub(super) hidden: Vec<Vec<Step>>,
}

/// The path from a value up to the body.
struct Trail<'t> {
    parent: Option<&'t Trail<'t>>,
    step: TrailStep<'t>,
}

#[derive(Clone, Copy)]
enum TrailStep<'t> {
    Field(&'t str),
    Index(usize),
}

impl Trail<'_> {
    fn steps(&self) -> Vec<Step> {
        let mut steps = self.parent.map(Trail::steps).unwrap_or_default();
        steps.push(match self.step {
            TrailStep::Field(name) => Step::Field(name.to_owned()),
            TrailStep::Index(index) => Step::Index(index),
        });
        steps
    }
}

/// A value to deserialize.
#[derive(Clone, Copy)]
pub(super) struct Node<'de, 't> {
    value: &'de Value,
    trail: Option<&'t Trail<'t>>,
    context: &'t Context,
}

impl<'de, 't> Node<'de, 't> {
    pub(super) const fn root(value: &'de Value, context: &'t Context) -> Self {
        Self { value, trail: None, context }
    }

    fn wrong_type<T>(expected: &'static str) -> Result<T, Mismatch> {
        Err(Kind::WrongType(expected).into())
    }

    fn fields(
        self,
        map: &'de map::Map<String, Value>,
        known: Option<&'static [&'static str]>,
    ) -> ObjectFields<'de, 't> {
        ObjectFields {
            fields: map.iter(),
            known,
            next: None,
            trail: self.trail,
            context: self.context,
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Mismatch> {
    if let Some(value) = number.as_u64() {
        visitor.visit_u64(value)
    } else if let Some(value) = number.as_i64() {
        visitor.visit_i64(value)
    } else if let Some(value) = number.as_f64() {
        visitor.visit_f64(value)
    } else {
        Err(Kind::OutOfRange.into())
    }
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(ArrayItems {
                items: items.iter().enumerate(),
                trail: self.trail,
                context: self.context,
            }),
            Value::Object(map) => visitor.visit_map(self.fields(map, None)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::Null => Err(Kind::Null.into()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        if name == NULLABLE && self.value.is_null() {
            return visitor.visit_none();
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::Object(map) => visitor.visit_map(self.fields(map, Some(fields))),
            _ => Self::wrong_type("an object"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::String(text) => {
                let text: StrDeserializer<'_, Mismatch> = text.as_str().into_deserializer();
                visitor.visit_enum(text)
            }
            _ => Self::wrong_type("a string"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

struct ObjectFields<'de, 't> {
    fields: map::Iter<'de>,
    /// The names of the type's fields; `None` if it takes any.
    known: Option<&'static [&'static str]>,
    next: Option<(&'de str, &'de Value)>,
    trail: Option<&'t Trail<'t>>,
    context: &'t Context,
}

impl ObjectFields<'_, '_> {
    /// Whether the type should see the field; an unknown one is reported.
    fn is_visible(&self, name: &str) -> bool {
        let here = Trail { parent: self.trail, step: TrailStep::Field(name) };
        if self.known.is_some_and(|known| !known.contains(&name)) {
            let error = FieldError::new(render(&here.steps()), Kind::UnknownField.code(), Kind::UnknownField.detail());
            let mut unknown = self.context.unknown.borrow_mut();
            // Decoding again visits the same fields again.
            if unknown.len() < MAX_ERRORS && !unknown.contains(&error) {
                unknown.push(error);
            }
            return false;
        }
        self.context.hidden.is_empty() || !self.context.hidden.contains(&here.steps())
    }
}

impl<'de> MapAccess<'de> for ObjectFields<'de, '_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        while let Some((name, value)) = self.fields.next() {
            if self.is_visible(name) {
                self.next = Some((name, value));
                let here = Trail { parent: self.trail, step: TrailStep::Field(name) };
                let name: serde::de::value::BorrowedStrDeserializer<'de, Mismatch> =
                    serde::de::value::BorrowedStrDeserializer::new(name);
                return seed.deserialize(name).map(Some).map_err(|error| located(error, &here));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let (name, value) = self.next.take().ok_or(Kind::Invalid)?;
        let here = Trail { parent: self.trail, step: TrailStep::Field(name) };
        let node = Node { value, trail: Some(&here), context: self.context };
        seed.deserialize(node).map_err(|error| located(error, &here))
    }
}

struct ArrayItems<'de, 't> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    trail: Option<&'t Trail<'t>>,
    context: &'t Context,
}

impl<'de> SeqAccess<'de> for ArrayItems<'de, '_> {
    type Error = Mismatch;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let here = Trail { parent: self.trail, step: TrailStep::Index(index) };
        let node = Node { value, trail: Some(&here), context: self.context };
        seed.deserialize(node).map(Some).map_err(|error| located(error, &here))
    }
}

/// Give an error the path of the innermost value that it came from.
fn located(mut error: Mismatch, here: &Trail<'_>) -> Mismatch {
    if error.path.is_none() {
        error.path = Some(here.steps());
    }
    error
}
