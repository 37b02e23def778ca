//! A field that a request may repeat from a response, and that it cannot change.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::Value;

/// A field that is accepted and ignored, whatever its value. Needs `#[serde(default)]` on the
/// field.
#[derive(Debug, Clone, Copy)]
pub struct ReadOnly<T>(PhantomData<T>);

impl<T> Default for ReadOnly<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T> Deserialize<'de> for ReadOnly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self::default())
    }
}

impl<T: Type> Type for ReadOnly<T> {
    const IS_REQUIRED: bool = false;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        format!("read_only_{}", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        None
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(std::iter::empty())
    }

    fn is_none(&self) -> bool {
        true
    }
}

impl<T: Type> ParseFromJSON for ReadOnly<T> {
    fn parse_from_json(_value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::default())
    }
}

impl<T: Type> ToJSON for ReadOnly<T> {
    fn to_json(&self) -> Option<Value> {
        None
    }
}
