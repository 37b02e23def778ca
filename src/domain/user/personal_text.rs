//! What the texts that name a person share.

/// Defines a type for a checked text, and for its canonical form if it has one. `Debug` hides both,
/// so that no log line carries them.
macro_rules! personal_text {
    ($(#[$doc:meta])* $name:ident { text $(, $canonical:ident)? }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name {
            text: String,
            $($canonical: String,)?
        }

        impl $name {
            /// Wrap what the database has. It was checked when it was written, by the rules of that
            /// time.
            #[must_use]
            pub const fn stored(text: String $(, $canonical: String)?) -> Self {
                Self { text $(, $canonical)? }
            }

            /// The text as the user wrote it, in Unicode form C.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.text
            }

            $(
                /// The form that is compared and indexed.
                #[must_use]
                pub fn $canonical(&self) -> &str {
                    &self.$canonical
                }
            )?
        }

        impl From<&$name> for String {
            fn from(name: &$name) -> Self {
                name.text.clone()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}
pub(super) use personal_text;
