//! A number of requests and their window, as a text such as `20/1m`.

use std::{fmt, str::FromStr, time::Duration};

use humantime_serde::re::humantime::{format_duration, parse_duration};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a text must be; part of the error.
const FORM: &str = "a number and a window, for example \"20/1m\"";

/// How many requests are allowed in which time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestRate {
    pub count: u32,
    pub window: Duration,
}

impl FromStr for RequestRate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, window) = text.split_once('/').ok_or(FORM)?;
        Ok(Self {
            count: count.trim().parse().map_err(|_| FORM)?,
            window: parse_duration(window.trim()).map_err(|_| FORM)?,
        })
    }
}

impl fmt::Display for RequestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = format_duration(self.window).to_string();
        write!(f, "{}/{}", self.count, window.replace(' ', ""))
    }
}

impl Serialize for RequestRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = RequestRate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORM)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RequestRate, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_window() {
        for (text, count, seconds, shown) in [
            ("20/1m", 20, 60, "20/1m"),
            ("5 / 1h", 5, 3600, "5/1h"),
            ("100/1d", 100, 86_400, "100/1day"),
            ("3/90s", 3, 90, "3/1m30s"),
        ] {
            let rate: RequestRate = text.parse().unwrap();
            assert_eq!((rate.count, rate.window), (count, Duration::from_secs(seconds)), "{text}");
            assert_eq!(rate.to_string(), shown);
            assert_eq!(shown.parse(), Ok(rate), "what is shown can be read again");
        }
        for text in [
            "",
            "20",
            "20/",
            "/1m",
            "20/1",
            "20/m",
            "-1/1m",
            "1.5/1m",
            "20/1m/1m",
            "99999999999/1m",
        ] {
            assert_eq!(text.parse::<RequestRate>(), Err(FORM), "{text}");
        }
    }
}
